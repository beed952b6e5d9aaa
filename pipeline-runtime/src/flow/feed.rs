//! Where the workers of a stage get their items from.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::failure::{Failure, SourceError};
use crate::flow::edge::{Edge, Take};
use crate::guard;
use crate::site::StageInfo;

/// A value that lives as long as the items of one pull are in the first stage.
#[derive(Clone)]
pub(crate) struct Hold(pub(crate) Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

/// What failed before it became an item.
#[derive(Debug)]
pub(crate) struct SourceFailure {
    /// Of the inputs, the one that it was asked of.
    pub(crate) source: StageInfo,
    pub(crate) error: SourceError,
}

/// What one taking brought.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pub(crate) items: Vec<T>,
    pub(crate) failures: Vec<SourceFailure>,
    /// Kept until the items are used up.
    pub(crate) hold: Option<Hold>,
}

impl<T> Batch<T> {
    pub(crate) fn new() -> Self {
        Self {
            items: Vec::new(),
            failures: Vec::new(),
            hold: None,
        }
    }

    /// What failed before it became an item, to be sent on.
    pub(crate) fn failed<Task>(&mut self) -> Vec<Failure<Task>> {
        let failure = |SourceFailure { source, error }| {
            let failure = Failure::of_source(source, error);
            tracing::debug!(stage = &*failure.stage().path, cause = %failure.cause(), "item failed");
            failure
        };
        self.failures.drain(..).map(failure).collect()
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.items));
    }
}

/// The edge in front of a stage, or the source.
pub(crate) trait Feed<T>: Send + Sync {
    /// Takes up to `want` items into the empty `batch`; the number of the (first) taking, `None` at the end.
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<T>,
        take: Take,
    ) -> Poll<Option<u64>>;

    /// Items taken with `keep` are used up.
    fn used(&self, items: usize);

    /// The worker at `place` goes on with something else than waiting here.
    fn unpark(&self, place: usize);

    /// How many workers there are at most.
    fn workers(&self, _count: usize) {}

    /// The most items to take at once.
    fn share(&self) -> usize;
}

impl<T: Send> Feed<T> for Arc<Edge<T>> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<T>,
        take: Take,
    ) -> Poll<Option<u64>> {
        Edge::poll_take(self, place, cx, want, &mut batch.items, take)
    }

    fn used(&self, items: usize) {
        Edge::used(self, items);
    }

    fn unpark(&self, place: usize) {
        self.unpark_taker(place);
    }

    fn share(&self) -> usize {
        (self.limit() / 2).max(1)
    }
}
