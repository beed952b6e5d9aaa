//! Calls of the user's functions: lent, guarded, timed, tried again.

use std::future::Future;
use std::time::Duration;

use crate::failure::{BoxError, Cause};
use crate::guard::{self, Panicked};
use crate::retry::Retry;
use crate::step::{Delay, Step};

/// The error type of every guarded call, so that `?` takes any error and a panic is told from an error.
#[derive(Debug)]
pub struct Raised(pub(crate) Cause);

impl<E: Into<BoxError>> From<E> for Raised {
    #[cold]
    fn from(error: E) -> Self {
        Self(Cause::Error(error.into()))
    }
}

/// Calls a closure without annotations: the argument's type is known before the closure's body is checked.
#[inline]
pub fn call1<A, R>(f: impl FnOnce(A) -> R, a: A) -> R {
    f(a)
}

/// The same for two arguments, of `mapduce((a, b) => c, f)`.
#[inline]
pub fn call2<A, B, R>(f: impl FnOnce(A, B) -> R, a: A, b: B) -> R {
    f(a, b)
}

/// The same for three.
#[inline]
pub fn call3<A, B, C, R>(f: impl FnOnce(A, B, C) -> R, a: A, b: B, c: C) -> R {
    f(a, b, c)
}

/// The same for four.
#[inline]
pub fn call4<A, B, C, D, R>(call: impl FnOnce(A, B, C, D) -> R, a: A, b: B, c: C, d: D) -> R {
    call(a, b, c, d)
}

/// Every call in a stage that is not `:async`: a panic becomes a cause.
#[inline]
pub fn guard<R>(call: impl FnOnce() -> Result<R, Raised>) -> Result<R, Cause> {
    match guard::call(call) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(raised)) => Err(raised.0),
        Err(panicked) => Err(Cause::Panic(panicked.into_message())),
    }
}

/// Every call in an `:async` stage: a panic while the future is made or polled becomes a cause.
pub async fn guard_async<R>(call: impl Future<Output = Result<R, Raised>>) -> Result<R, Cause> {
    match guard::caught(call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(raised)) => Err(raised.0),
        Err(payload) => Err(Cause::Panic(Panicked::with(payload).into_message())),
    }
}

/// The same where the stage has a `timeout`: the call is cancelled when it takes longer.
pub async fn within<R>(
    after: Duration,
    call: impl Future<Output = Result<R, Raised>>,
) -> Result<R, Cause> {
    guard_async(async {
        let timed = tokio::time::timeout(after, call).await;
        timed.unwrap_or(Err(Raised(Cause::Timeout(after))))
    })
    .await
}

/// The wait before the next attempt of a stage with `retry`; `None` if there is none.
#[cold]
#[must_use]
pub fn again(retry: &Retry, attempt: u32, cause: &Cause) -> Option<Delay> {
    retry.again(attempt, cause).map(Delay::Pause)
}

/// What `weight` says of an item.
#[must_use]
pub fn weight(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// `push_task` at the bottom of a stack: its item is the task of the pipeline's failures. Never run, only typed.
#[cold]
#[must_use]
pub fn task_is<O, M, Task>(_: &Task) -> Step<O, M, Task> {
    Step::Gone
}
