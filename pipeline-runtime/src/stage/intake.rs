//! How a worker gets its next work: a retry that is due, or credits and then items.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::retries::Due;
use super::shared::Shared;
use crate::build::Timing;
use crate::carry::{Carried, Carry};
use crate::feed::Batch;

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

/// The time of one worker's own work, read only when it is due.
#[derive(Debug)]
pub(crate) struct Pace {
    want: usize,
    turns: u32,
    started: Option<Instant>,
    /// When it ended.
    ended: Option<Instant>,
    /// How long the last measured chunk took.
    last: u64,
}

/// As much work as a worker may hold: until it is done, others may be idle and the next stage waits.
const TARGET_NANOS: u64 = 100_000;

/// Work that takes longer is long enough for a wake-up to be cheap beside it, and too long for a result to wait for.
const SLOW_NANOS: u64 = 1_000_000;

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            want: 1,
            turns: 0,
            started: None,
            ended: None,
            last: 0,
        }
    }

    /// How many items to take next: at least 1, at most `most`.
    pub(crate) fn want(&self, most: usize) -> usize {
        self.want.min(most).max(1)
    }

    /// Work on a chunk begins. Clocks are read while it ramps up, and then for one chunk in eight: for how many chunks
    /// this one speaks, 0 if it is not measured. To read a clock takes as long as a cheap item, so `now` is used where it
    /// is known.
    pub(crate) fn begin(&mut self, most: usize, now: Option<Instant>) -> u32 {
        self.turns = self.turns.wrapping_add(1);
        let speaks_for = match (self.want >= most, self.turns.is_multiple_of(8)) {
            (false, _) => 1,
            (true, true) => 8,
            (true, false) => 0,
        };
        self.started = (speaks_for > 0).then(|| now.unwrap_or_else(Instant::now));
        speaks_for
    }

    /// When the work ended that was just measured; once.
    pub(crate) fn ended(&mut self) -> Option<Instant> {
        self.ended.take()
    }

    /// Whether the next chunk may take long, measured by the last: then nobody should wait for its end.
    pub(crate) fn slow(&self) -> bool {
        self.last > SLOW_NANOS
    }

    /// Work on `items` has ended: what an item cost, in nanoseconds, where it was measured.
    pub(crate) fn end(&mut self, items: usize) -> Option<u64> {
        let (started, now) = (self.started.take()?, Instant::now());
        self.ended = Some(now);
        let nanos = u64::try_from((now - started).as_nanos()).unwrap_or(u64::MAX);
        self.last = nanos;
        let cost = nanos / items.max(1) as u64;
        if nanos > TARGET_NANOS {
            self.want = usize::try_from(TARGET_NANOS / cost.max(1))
                .unwrap_or(usize::MAX)
                .clamp(1, self.want);
        } else if nanos < TARGET_NANOS / 2 && items >= self.want {
            self.want = self.want.saturating_mul(2);
        }
        Some(cost)
    }
}
