//! A handle to what came.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Sink, SinkError, Written};
use crate::guard;

/// Keeps every item, in memory, for whoever has a clone of it: for tests, and for results that fit.
///
/// `pipeline! { … }.collect()` is the shorter form where a pipeline has no sink; this one is a sink like any other, and an
/// errors end.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::sink::{self, Sink};
/// # futures::executor::block_on(async {
/// let kept = sink::collect();
/// // pipeline! { [0..3u32, …] map(|x| x + 1), :drive kept.clone() }.run().await?;
/// # kept.clone().write(vec![1_u32, 2, 3]).await?;
/// assert_eq!(kept.take(), [1, 2, 3]);
/// # Ok::<_, sink::SinkError<u32>>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn collect<T>() -> Collected<T> {
    Collected(Arc::default())
}

/// The sink that [`collect`] makes, and the handle to what it has. Clones share it.
pub struct Collected<T>(Arc<Kept<T>>);

/// Items that are let go one by one.
struct Kept<T>(Mutex<Vec<T>>);

impl<T> Collected<T> {
    /// What has come since the last call, in the order of its coming; with one writer that is the order of the pipeline.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.lock())
    }

    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        guard::let_go_of(std::mem::take(kept));
    }
}

impl<T> fmt::Debug for Collected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collected({})", self.len())
    }
}

impl<T: Send + 'static> Sink<T> for Collected<T> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        self.lock().extend(items);
        Ok(Written::all())
    }
}
