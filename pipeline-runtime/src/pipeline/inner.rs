//! A pipeline as the input of another.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Pipeline;
use crate::errors::Verdict;
use crate::graph::Graph;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::source::{CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::tail::Tail;

/// An undriven pipeline as the input of another: its failures go to its own errors end, a failure that stops it stops
/// both, drain and report reach through.
impl<T, Task, S> Input for Pipeline<T, Task, S>
where
    T: Send + 'static,
    Task: Send + 'static,
    S: Tail<Item = T>,
{
    type Item = T;
    type Puller = Inner<Task, S>;

    fn wire(self, graph: &Graph, failed: Relay) -> Inner<Task, S> {
        let (verdict, name) = (self.errors.verdict(), graph.adopt(&self.graph, self.name));
        verdict.relay_to(failed);
        Inner {
            name,
            tail: self.tail,
            verdict,
        }
    }
}

/// The output of an inner pipeline.
pub struct Inner<Task, S> {
    name: Name,
    tail: S,
    verdict: Arc<Verdict<Task>>,
}

debug_by_name!(Inner<Task, S>);

impl<Task: Send + 'static, S: Tail<Item: Send + 'static>> Puller for Inner<Task, S> {
    type Item = S::Item;
    type Ticket = S::Ticket;
    const DRAINS: bool = false;
    const PAUSES: bool = S::HOLDS_NOTHING;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        if let Some(item) = ready!(self.tail.poll_item(cx)) {
            return Poll::Ready(Some(Ok(item)));
        }
        let broke = self
            .verdict
            .take()
            .map(|failure| SourceError::new(failure.map_task(|_| None::<()>)));
        Poll::Ready(broke.map(|error| Err(Fault { error, last: true })))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        for taken in 0..max {
            match self.poll_next(cx) {
                Poll::Ready(Some(Ok(item))) => out.push(item),
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(Err(fault.error)),
                Poll::Ready(None) => return Poll::Ready(Ok(Flow::End)),
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(Flow::More))
    }

    fn pause(&mut self) {
        self.tail.pause();
    }

    fn name(&self) -> Name {
        self.name.clone()
    }
}
