//! A function as a sink.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

use super::{Sink, SinkError, Written};
use crate::failure::BoxError;

/// Calls `f` with every item, in the task that writes: `f` must not block. It returns `()` or a `Result` whose error
/// fails that item. So does a panic.
pub fn each<T, R, F>(f: F) -> Each<T, F>
where
    F: Fn(T) -> R,
{
    Each(f, PhantomData)
}

/// The sink that [`each`] makes.
pub struct Each<T, F>(F, PhantomData<fn(T)>);

/// What the function of [`each`] may return.
pub trait Outcome {
    /// As a result.
    fn outcome(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

impl<T: Send + 'static, R: Outcome, F: Fn(T) -> R + Send + Sync + 'static> Sink<T> for Each<T, F> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            match catch_unwind(AssertUnwindSafe(|| (self.0)(item).outcome())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => written.fail(index, error),
                Err(panic) => written.panicked(index, &*panic),
            }
        }
        Ok(written)
    }
}

/// Calls `f` with every item, one after the other, and awaits what it returns: `()` or a `Result` whose error fails
/// that item. So does a panic.
pub fn each_async<T, Fut, F>(f: F) -> EachAsync<T, F>
where
    F: Fn(T) -> Fut,
    Fut: Future,
{
    EachAsync(f, PhantomData)
}

/// The sink that [`each_async`] makes.
pub struct EachAsync<T, F>(F, PhantomData<fn(T)>);

impl<T, Fut, F> Sink<T> for EachAsync<T, F>
where
    T: Send + 'static,
    Fut: Future<Output: Outcome> + Send,
    F: Fn(T) -> Fut + Send + Sync + 'static,
{
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            let call = AssertUnwindSafe(async { (self.0)(item).await.outcome() });
            match call.catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => written.fail(index, error),
                Err(panic) => written.panicked(index, &*panic),
            }
        }
        Ok(written)
    }
}
