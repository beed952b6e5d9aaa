//! Any `futures::Stream`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use super::{Alone, CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::graph::Graph;
use crate::ticket::Carried;

/// The items of a stream.
pub fn stream<S>(stream: S) -> FromStream<S>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    FromStream(Box::pin(stream))
}

/// The input that [`stream()`] makes.
#[derive(Debug)]
pub struct FromStream<S>(Pin<Box<S>>);

impl<S: Stream<Item: Send + 'static> + Send + 'static> Input for FromStream<S> {
    type Item = S::Item;
    type Puller = Self;

    fn wire(self, _graph: &Graph, _failed: Relay) -> Self {
        self
    }
}

impl<S: Stream<Item: Send + 'static> + Send + 'static> Alone for FromStream<S> {}

impl<S: Stream<Item: Send + 'static> + Send + 'static> Puller for FromStream<S> {
    type Item = S::Item;
    type Ticket = ();

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let next = self.0.as_mut().poll_next(cx);
        next.map(|item| item.map(|item| Ok(Carried::plain(item))))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        for taken in 0..max {
            match self.0.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => out.push(Carried::plain(item)),
                Poll::Ready(None) => return Poll::Ready(Ok(Flow::End)),
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(Flow::More))
    }
}
