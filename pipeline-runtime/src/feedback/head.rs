//! Where items go in again, and where seeds do.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::looped::{Loop, Next};
use crate::bounds::BoxFuture;
use crate::flow::edge::Take;
use crate::flow::feed::{Batch, Feed};
use crate::name::Name;
use crate::run::context::rest;
use crate::run::idle::Idle;
use crate::source::{CarriedOf, Fault, Flow, Pulled, Puller, SourceError};
use crate::ticket::{Carried, Ticket};

/// After how long without any change those who keep items back are asked to go on with what they have.
const PAUSE: Duration = Duration::from_millis(20);

/// The end of a loop that items come out of.
pub(super) struct Head<T: Send + 'static> {
    pub(super) of: Arc<Loop<T>>,
    pub(super) idle: Arc<Idle>,
    pub(super) quiet: Quiet,
}

/// When nothing has changed for a while.
#[derive(Default)]
pub(super) struct Quiet {
    pause: Option<BoxFuture<'static, ()>>,
    changes: u64,
}

impl<T: Send + 'static> Head<T> {
    /// Nothing waits, and what is under way may lie in open batches, which only more items would fill. If nothing changes
    /// for a while they go on with what they have.
    fn poll_quiet(&mut self, changes: u64, cx: &mut Context<'_>) {
        let Quiet {
            pause,
            changes: before,
        } = &mut self.quiet;
        loop {
            let resting = pause.get_or_insert_with(|| Box::pin(rest(PAUSE)));
            if resting.as_mut().poll(cx).is_pending() {
                return;
            }
            *pause = None;
            if std::mem::replace(before, changes) == changes {
                self.idle.flush();
            }
        }
    }
}

impl<T: Send + 'static> Drop for Head<T> {
    fn drop(&mut self) {
        self.of.end();
    }
}

impl<T: Send + 'static> Puller for Head<T> {
    type Item = T;
    type Ticket = Ticket;
    const STARVES: bool = true;
    const PAUSES: bool = false;

    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        unreachable!("a loop has two sources")
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        match self.of.next(max, cx.waker()) {
            Next::Items(items) => {
                out.items.extend(items);
                Poll::Ready(Ok(Flow::More))
            }
            Next::Waits { changes } => {
                self.poll_quiet(changes, cx);
                Poll::Pending
            }
            Next::WaitsForSeeds => Poll::Pending,
            Next::End => Poll::Ready(Ok(Flow::End)),
        }
    }

    fn holds(&self) -> usize {
        self.of.limit
    }

    fn name(&self) -> Name {
        "feedback".into()
    }
}

/// The seeds of a loop.
pub(super) struct Seeds<T> {
    pub(super) feed: Arc<dyn Feed<Carried<T, Ticket>>>,
    pub(super) of: Arc<Loop<T>>,
}

impl<T: Send + 'static> Feed<Carried<T, Ticket>> for Seeds<T> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<T, Ticket>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let taken = self.feed.poll_take(place, cx, want, batch, take);
        match taken {
            // Nobody is asked for seeds at the same time: all that came before are counted.
            Poll::Ready(None) => self.of.seeded(),
            Poll::Ready(Some(_)) => self.of.seed(&mut batch.items),
            Poll::Pending => {}
        }
        taken
    }

    fn used(&self, items: usize) {
        self.feed.used(items);
    }

    fn unpark(&self, place: usize) {
        self.feed.unpark(place);
    }

    fn workers(&self, count: usize) {
        self.feed.workers(count);
    }

    fn share(&self) -> usize {
        self.feed.share()
    }
}
