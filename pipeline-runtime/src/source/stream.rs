//! Any `futures::Stream`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use super::{Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::build::Build;

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

    fn wire(self, _build: &mut Build, _failed: Relay) -> Self {
        self
    }
}

impl<S: Stream<Item: Send + 'static> + Send + 'static> Puller for FromStream<S> {
    type Item = S::Item;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Item, Fault>>> {
        self.0.as_mut().poll_next(cx).map(|item| item.map(Ok))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<S::Item>,
    ) -> Poll<Result<Flow, SourceError>> {
        for taken in 0..max {
            match self.0.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => out.push(item),
                Poll::Ready(None) => return Poll::Ready(Ok(Flow::End)),
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(Flow::More))
    }
}
