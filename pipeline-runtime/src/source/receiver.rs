//! The receiving end of a tokio channel.

use std::task::{Context, Poll};

use tokio::sync::mpsc::Receiver;

use super::{CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::build::Build;
use crate::carry::Carried;

impl<T: Send + 'static> Input for Receiver<T> {
    type Item = T;
    type Puller = Self;

    fn wire(self, _build: &mut Build, _failed: Relay) -> Self {
        self
    }
}

impl<T: Send + 'static> Puller for Receiver<T> {
    type Item = T;
    type Ticket = ();

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let next = self.poll_recv(cx);
        next.map(|item| item.map(|item| Ok(Carried::plain(item))))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        let mut items = Carried::items(std::mem::take(&mut out.items));
        let taken = self.poll_recv_many(cx, &mut items, max);
        out.items = Carried::plain_all(items);
        let taken = std::task::ready!(taken);
        Poll::Ready(Ok(if taken == 0 { Flow::End } else { Flow::More }))
    }
}
