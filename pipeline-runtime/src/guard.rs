//! Code that is not brigade's: what panics in it ends nothing but the item it was called for.
//!
//! Every call into such code goes through here: functions, futures, `Display`, `Error::source`, and the `Drop` of items, of
//! futures, of errors and of what a panic carries. What cannot be helped: two panics in one drop (of two elements of a
//! `Vec` in an item, say) abort the process, and so does any panic where the program is built with `panic = "abort"`.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::mem::needs_drop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec;

use futures::FutureExt as _;
use futures::future::CatchUnwind;

/// What a panic said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(String);

impl Panicked {
    /// Of what the panic carries.
    #[cold]
    pub(crate) fn with(payload: Box<dyn Any + Send>) -> Self {
        let payload = match payload.downcast::<String>() {
            Ok(message) => return Self(*message),
            Err(payload) => payload,
        };
        if let Some(message) = payload.downcast_ref::<&'static str>() {
            return Self((*message).to_owned());
        }
        let_go_of_payload(payload);
        Self("a value that is no message".to_owned())
    }

    /// The message.
    #[must_use]
    pub fn into_message(self) -> String {
        self.0
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0)
    }
}

impl Error for Panicked {}

/// Its drop may panic with something whose drop panics, and so on: that must end somewhere.
#[cold]
fn let_go_of_payload(mut payload: Box<dyn Any + Send>) {
    for _ in 0..4 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    Box::leak(payload);
}

/// Calls `f`.
///
/// # Errors
///
/// It panicked.
#[inline]
pub fn call<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Ok(value),
        Err(payload) => Err(Panicked::with(payload)),
    }
}

/// Runs `future`, an `async` block: all that it has it drops in its last poll, under guard.
///
/// # Errors
///
/// It panicked.
///
/// # Cancel safety
///
/// As cancel safe as `future`, whose drop is not guarded then.
pub async fn run<F: Future>(future: F) -> Result<F::Output, Panicked> {
    caught(future).await.map_err(Panicked::with)
}

/// The same without a layer around the future, for calls that are made in large numbers; the error is for
/// [`Panicked::with`].
#[inline]
pub(crate) fn caught<F: Future>(future: F) -> CatchUnwind<AssertUnwindSafe<F>> {
    AssertUnwindSafe(future).catch_unwind()
}

/// The same of any future, which may have more to drop at its end.
#[expect(
    clippy::redundant_async_block,
    reason = "what a block awaits it drops in its last poll, under guard"
)]
pub(crate) async fn run_and_drop<F: Future>(future: F) -> Result<F::Output, Panicked> {
    run(async { future.await }).await
}

/// Drops `value`.
///
/// # Errors
///
/// Its drop panicked.
#[inline]
pub fn let_go<T>(value: T) -> Result<(), Panicked> {
    if needs_drop::<T>() {
        call(|| drop(value))
    } else {
        Ok(())
    }
}

/// Drops values that nobody can be told of, one by one: two that panic in one drop of a `Vec` would abort the process.
#[inline]
pub fn let_go_of<T>(values: impl IntoIterator<Item = T>) {
    if needs_drop::<T>() {
        let_each_go(values);
    }
}

#[cold]
#[inline(never)]
fn let_each_go<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        quietly(|| drop(value));
    }
}

/// Calls what nobody can be told of.
#[inline]
pub fn quietly(f: impl FnOnce()) {
    if let Err(panicked) = call(f) {
        told(&panicked);
    }
}

/// Values that are let go one by one where their worker is dropped.
#[derive(Debug)]
pub(crate) struct Held<T>(pub(crate) Vec<T>);

impl<T> Deref for Held<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let_go_of(std::mem::take(&mut self.0));
    }
}

#[cold]
fn told(panicked: &Panicked) {
    tracing::warn!(
        message = panicked.0,
        "something that was not needed any more panicked when it was dropped"
    );
}

/// What `shown` says, however its `Display` behaves.
#[must_use]
pub fn text(shown: &dyn fmt::Display) -> String {
    // Most errors say no more: without it the text is moved while it grows.
    let mut text = String::with_capacity(64);
    let problem = match call(|| write!(text, "{shown}")) {
        Ok(Ok(())) => return text,
        Ok(Err(_)) => "its `Display` failed".to_owned(),
        Err(panicked) => format!("its `Display` {panicked}"),
    };
    let between = if text.is_empty() { "" } else { " " };
    text + between + "(" + &problem + ")"
}

/// The error behind `error`, as far as it can be asked.
#[must_use]
pub fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    call(|| error.source()).unwrap_or_default()
}

/// Values to be handed over; those that are left are let go one by one.
pub(crate) struct Going<T>(vec::IntoIter<T>);

impl<T> Going<T> {
    pub(crate) fn of(values: Vec<T>) -> Self {
        Self(values.into_iter())
    }

    /// Those that are left.
    pub(crate) fn rest(mut self) -> vec::IntoIter<T> {
        std::mem::take(&mut self.0)
    }
}

impl<T> Iterator for Going<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.next()
    }
}

impl<T> Drop for Going<T> {
    fn drop(&mut self) {
        let_go_of(std::mem::take(&mut self.0));
    }
}

/// Shows what is inside, whatever its `Display` does.
pub(crate) struct Shown<'a>(pub(crate) &'a dyn fmt::Display);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self.0))
    }
}

#[cfg(test)]
mod tests;
