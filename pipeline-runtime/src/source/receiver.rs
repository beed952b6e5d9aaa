//! The receiving end of a tokio channel.

use std::task::{Context, Poll};

use tokio::sync::mpsc::Receiver;

use super::{Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::build::Build;

impl<T: Send + 'static> Input for Receiver<T> {
    type Item = T;
    type Puller = Self;

    fn wire(self, _build: &mut Build, _failed: Relay) -> Self {
        self
    }
}

impl<T: Send + 'static> Puller for Receiver<T> {
    type Item = T;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Fault>>> {
        self.poll_recv(cx).map(|item| item.map(Ok))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<T>,
    ) -> Poll<Result<Flow, SourceError>> {
        let taken = std::task::ready!(self.poll_recv_many(cx, &mut out.items, max));
        Poll::Ready(Ok(if taken == 0 { Flow::End } else { Flow::More }))
    }
}
