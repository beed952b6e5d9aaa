//! How a worker gets its next work: a retry that is due, or credits and then items.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::retries::Due;
use super::shared::Shared;
use crate::build::Timing;
use crate::feed::Batch;
use crate::ticket::{Carried, Carry};

/// What a worker is to do next.
pub(crate) enum Next<M, K> {
    /// Process the items (or failures) in the batch.
    Batch {
        /// The (first) number of the taking.
        seq: u64,
        /// The credits held for it, which may be more than the items.
        credits: usize,
    },
    /// Try an item again.
    Again(Due<Carried<M, K>>),
    /// There is nothing more, or nobody wants it.
    End,
}

pub(crate) struct Intake<T, M, O, Task, K> {
    shared: Arc<Shared<T, M, O, Task, K>>,
    place: usize,
    credits: usize,
    wait: Option<Wait>,
    /// When the worker was done with its last work, if it knows: from then on it waits, if it has to.
    pub(crate) rests: Option<Instant>,
    /// When its last wait ended, if it had to wait for what it was given.
    pub(crate) woke: Option<Instant>,
    pub(crate) batch: Batch<Carried<T, K>>,
}

impl<T, M, O, Task, K> Intake<T, M, O, Task, K>
where
    T: Send + 'static,
    M: Send + 'static,
    O: Send + 'static,
    Task: Send + 'static,
    K: Carry,
{
    pub(crate) fn new(shared: Arc<Shared<T, M, O, Task, K>>, place: usize) -> Self {
        Self {
            shared,
            place,
            credits: 0,
            wait: None,
            rests: None,
            woke: None,
            batch: Batch::new(),
        }
    }

    /// Waits for work of up to `want` items. With `idle` the wait counts as the worker's.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
        idle: bool,
    ) -> Poll<Next<M, K>> {
        let shared = &self.shared;
        let rests = self.rests.take();
        let mut outstanding = false;
        if shared.opts.single() {
            match shared.retries.poll(self.place, cx) {
                Poll::Ready(Some(due)) => {
                    shared.edge.unpark_giver(self.place);
                    shared.feed.unpark(self.place);
                    self.wait = None;
                    return Poll::Ready(Next::Again(due));
                }
                Poll::Ready(None) => {}
                Poll::Pending => outstanding = true,
            }
        }
        if self.credits == 0 {
            match shared.edge.poll_permit(self.place, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End),
                Poll::Pending => {
                    self.waits(idle, true, rests);
                    return Poll::Pending;
                }
            }
            match shared.edge.poll_credits(self.place, cx, want) {
                Poll::Ready(Ok(credits)) => self.credits = credits,
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End),
                Poll::Pending => {
                    self.waits(idle, false, rests);
                    return Poll::Pending;
                }
            }
        }
        match shared.feed.poll_take(
            self.place,
            cx,
            want.min(self.credits),
            &mut self.batch,
            shared.take,
        ) {
            Poll::Ready(Some(seq)) => {
                if outstanding {
                    shared.retries.unpark(self.place);
                }
                self.woke = self.wait.take().map(Wait::end);
                Poll::Ready(Next::Batch {
                    seq,
                    credits: std::mem::take(&mut self.credits),
                })
            }
            Poll::Ready(None) if !outstanding => {
                shared.edge.release(std::mem::take(&mut self.credits));
                self.wait = None;
                Poll::Ready(Next::End)
            }
            Poll::Ready(None) | Poll::Pending => {
                self.waits(idle, true, rests);
                Poll::Pending
            }
        }
    }

    /// Notes the beginning of a wait, where that is known.
    fn waits(&mut self, idle: bool, starved: bool, since: Option<Instant>) {
        if !idle {
            self.wait = None;
        } else if self
            .wait
            .as_ref()
            .is_none_or(|wait| wait.starved != starved)
        {
            let since = self.wait.take().map(Wait::end).or(since);
            let since = since.unwrap_or_else(Instant::now);
            self.wait = Some(Wait::new(&self.shared.timing, starved, since));
        }
    }
}

/// A worker's wait, counted while it lasts.
struct Wait {
    timing: Arc<Timing>,
    starved: bool,
    ended: Option<Instant>,
}

impl Wait {
    fn new(timing: &Arc<Timing>, starved: bool, since: Instant) -> Self {
        let wait = Self {
            timing: Arc::clone(timing),
            starved,
            ended: None,
        };
        wait.watch().open(since);
        wait
    }

    /// It ends now.
    fn end(mut self) -> Instant {
        *self.ended.insert(Instant::now())
    }

    fn watch(&self) -> &crate::clock::Stopwatch {
        if self.starved {
            &self.timing.starved
        } else {
            &self.timing.blocked
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        self.watch().close(ended);
    }
}
