//! What a stream and a collection poll.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::bounds::BoxFuture;
use crate::failure::Failure;
use crate::graph::Graph;
use crate::measure::report::Report;
use crate::running::Live;
use crate::tail::Tail;
use crate::ticket::Carry;

/// A pipeline whose output is polled.
pub(super) struct Emitting<Task: Send + 'static, S> {
    /// What is still to be started.
    pub(super) graph: Option<Graph>,
    pub(super) live: Arc<Live<Task>>,
    pub(super) tail: S,
    pub(super) ending: Option<BoxFuture<'static, Result<Report, Failure<Task>>>>,
}

impl<Task: Send + 'static, S: Tail> Emitting<Task, S> {
    /// Whether there may be more items; starts it if it was not.
    #[inline]
    pub(super) fn running(&mut self) -> bool {
        if self.graph.is_some() {
            self.start();
        }
        self.ending.is_none()
    }

    #[cold]
    fn start(&mut self) {
        if let Some(graph) = self.graph.take() {
            self.live.start(&graph);
        }
    }

    /// After the last item: waits until nothing runs any more; how it went.
    /// Then `tickets` are done, if all went well.
    pub(super) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        tickets: &mut Vec<S::Ticket>,
    ) -> Poll<Result<Report, Failure<Task>>> {
        let live = &self.live;
        let ending = self.ending.get_or_insert_with(|| {
            let (live, tickets) = (Arc::clone(live), std::mem::take(tickets));
            Box::pin(async move {
                if live.succeeded().await {
                    S::Ticket::done_all(tickets);
                } else {
                    drop(tickets);
                }
                live.finished().await
            })
        });
        ending.as_mut().poll(cx)
    }
}

impl<Task: Send + 'static, S> Drop for Emitting<Task, S> {
    fn drop(&mut self) {
        self.live.abandon();
    }
}
