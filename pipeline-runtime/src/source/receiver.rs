//! The receiving end of a tokio channel.

use std::task::{Context, Poll, ready};

use tokio::sync::mpsc::Receiver;

use super::{Alone, CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::graph::Graph;
use crate::ticket::Carried;

impl<T: Send + 'static> Input for Receiver<T> {
    type Item = T;
    type Puller = Channel<T>;

    fn wire(self, _graph: &Graph, _failed: Relay) -> Channel<T> {
        Channel {
            receiver: self,
            received: Vec::new(),
        }
    }
}

/// A receiver, and a buffer that is used again.
#[derive(Debug)]
pub struct Channel<T> {
    receiver: Receiver<T>,
    received: Vec<T>,
}

impl<T: Send + 'static> Alone for Channel<T> {}

impl<T: Send + 'static> Puller for Channel<T> {
    type Item = T;
    type Ticket = ();

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let next = self.receiver.poll_recv(cx);
        next.map(|item| item.map(|item| Ok(Carried::plain(item))))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        let Self { receiver, received } = self;
        let taken = ready!(receiver.poll_recv_many(cx, received, max));
        out.items.extend(received.drain(..).map(Carried::plain));
        Poll::Ready(Ok(if taken == 0 { Flow::End } else { Flow::More }))
    }
}
