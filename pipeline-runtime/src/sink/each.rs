//! A function as a sink.

use std::future::Future;
use std::marker::PhantomData;

use super::{Sink, SinkError, Written};
use crate::failure::BoxError;
use crate::guard::{self, Going};
use crate::named::debug_by_name;

/// Calls `f` with every item, in the task that writes: `f` must not block. It returns `()` or a `Result` whose error
/// fails that item. So does a panic. With `:drive n` up to `n` calls are made at the same time, so `f` shares what it
/// changes; [`each_mut`](super::each_mut) changes what it captures.
pub fn each<T, R, F>(f: F) -> Each<T, F>
where
    F: Fn(T) -> R,
{
    Each(f, PhantomData)
}

/// The sink that [`each`] makes.
pub struct Each<T, F>(F, PhantomData<fn(T)>);

debug_by_name!(Each<T, F>);

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
    const BATCHES: bool = false;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            written.outcome(index, guard::call(|| (self.0)(item).outcome()));
        }
        Ok(written)
    }
}

/// Calls `f` with every item and awaits what it returns: `()` or a `Result` whose error fails that item. So does a panic.
/// `:drive n` has `n` of these calls under way at the same time.
///
/// The future cannot borrow from what `f` captures: `:async 8 tap(|item| client.put(item))?` with
/// [`discard`](super::discard) behind it can.
pub fn each_async<T, Fut, F>(f: F) -> EachAsync<T, F>
where
    F: Fn(T) -> Fut,
    Fut: Future,
{
    EachAsync(f, PhantomData)
}

/// The sink that [`each_async`] makes.
pub struct EachAsync<T, F>(F, PhantomData<fn(T)>);

debug_by_name!(EachAsync<T, F>);

impl<T, Fut, F> Sink<T> for EachAsync<T, F>
where
    T: Send + 'static,
    Fut: Future<Output: Outcome> + Send,
    F: Fn(T) -> Fut + Send + Sync + 'static,
{
    const BATCHES: bool = false;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        for (index, item) in Going::of(items).enumerate() {
            let called = guard::run(async { (self.0)(item).await.outcome() }).await;
            written.outcome(index, called);
        }
        Ok(written)
    }
}
