//! Nowhere.

use super::{Sink, SinkError, Written};
use crate::guard;

/// Takes anything, and drops it: for pipelines whose last stage has done all there is to do, and to try one out.
///
/// An item whose drop panics fails.
///
/// `:async 8 tap(|file| client.put(file))?, :drive sink::discard()` makes eight calls at a time whose futures borrow from
/// `client`, which those of [`each_async`](super::each_async) cannot.
#[must_use]
pub fn discard() -> Discard {
    Discard(())
}

/// The sink that [`discard`] makes.
#[derive(Debug, Clone, Copy)]
pub struct Discard(());

impl<T: Send + 'static> Sink<T> for Discard {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        if std::mem::needs_drop::<T>() {
            for (index, item) in items.into_iter().enumerate() {
                written.outcome(index, guard::let_go(item).map(Ok));
            }
        }
        Ok(written)
    }
}
