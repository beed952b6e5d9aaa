//! A function that changes what it captures, as a sink.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use super::{Outcome, Sink, SinkError, Written};
use crate::guard;

/// Calls `f` with every item, one call at a time, in the task that writes: `f` must not block, and may change what it
/// captures. It returns `()` or a `Result` whose error fails that item. So does a panic.
///
/// There is one writer: `:drive n` with more is an error before anything starts. [`each`](super::each) has any number.
///
/// # Examples
///
/// A file format whose writer wants `&mut self`:
///
/// ```
/// # use pipeline_runtime::sink::{self, Sink};
/// # fn takes<T>(_: impl Sink<T>) {}
/// let mut longest = String::new();
/// let sink = sink::each_mut(move |line: String| {
///     if line.len() > longest.len() {
///         println!("the longest so far: {line}");
///         longest = line;
///     }
/// });
/// # takes(sink);
/// ```
pub fn each_mut<T, R, F>(f: F) -> EachMut<T, F>
where
    F: FnMut(T) -> R,
{
    EachMut(Mutex::new(f), PhantomData)
}

/// The sink that [`each_mut`] makes.
pub struct EachMut<T, F>(Mutex<F>, PhantomData<fn(T)>);

impl<T, F> fmt::Debug for EachMut<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EachMut")
    }
}

impl<T: Send + 'static, R: Outcome, F: FnMut(T) -> R + Send + 'static> Sink<T> for EachMut<T, F> {
    const BATCHES: bool = false;
    const ALONE: bool = true;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            // As an errors end it is called by all workers: each waits for one call of the others at most.
            let mut f = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            written.outcome(index, guard::call(|| f(item).outcome()));
        }
        Ok(written)
    }
}
