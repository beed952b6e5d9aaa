//! How a worker gets its next work: a retry that is due, or credits and then items.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::key::Key as _;
use super::keyed::Keyed;
use super::retries::Due;
use super::shared::Shared;
use super::wiring::{ItemAgain, ItemIn, Wiring};
use crate::flow::feed::Batch;
use crate::graph::{Permit, Timing};
use crate::measure::clock::Stopwatch;

/// What a worker is to do next.
pub(crate) enum Next<W: Wiring> {
    /// Process the items (or failures) in the batch.
    Batch {
        /// The (first) number of the taking.
        seq: u64,
        /// The credits held for it, which may be more than the items.
        credits: usize,
    },
    /// Process the items that are with the intake, a number and a credit each; of a group with keys.
    Turns,
    /// Try an item again.
    Again(Due<ItemAgain<W>>),
    /// There is nothing more, or nobody wants it.
    End,
}

pub(crate) struct Intake<W: Wiring> {
    pub(super) shared: Arc<Shared<W>>,
    pub(super) place: usize,
    credits: usize,
    wait: Option<Wait>,
    /// Whether it waits, for whatever it is.
    waiting: bool,
    /// Whether it is to be told of items that become due.
    at_retries: bool,
    /// Whether its waits are counted: not those of a driver of several futures, whose places are.
    counts: bool,
    /// What it waited for last.
    pub(super) lacks: For,
    /// Whether it is counted as gone already.
    pub(crate) resigned: bool,
    /// When the worker was done with its last work, if it knows: from then on it waits, if it has to.
    pub(crate) rests: Option<Instant>,
    /// When its last wait ended, if it had to wait for what it was given.
    pub(crate) woke: Option<Instant>,
    pub(crate) batch: Batch<ItemIn<W>>,
    /// What a worker of a group with keys has been given, and has given back.
    pub(crate) keyed: Keyed<W>,
}

impl<W: Wiring> Intake<W> {
    pub(crate) fn new(shared: Arc<Shared<W>>, place: usize) -> Self {
        Self {
            shared,
            place,
            credits: 0,
            wait: None,
            waiting: false,
            at_retries: false,
            counts: true,
            lacks: For::Items,
            resigned: false,
            rests: None,
            woke: None,
            batch: Batch::new(),
            keyed: Keyed::new(),
        }
    }

    /// For who works on several items at a time.
    pub(super) fn uncounted(self) -> Self {
        Self {
            counts: false,
            ..self
        }
    }

    /// Waits for work of up to `want` items. With `idle` the wait counts as the worker's.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
        idle: bool,
    ) -> Poll<Next<W>> {
        let rests = self.rests.take();
        if W::Key::KEYED && !self.shared.crew.permitted(self.place) {
            self.shared.turns.leave(&mut self.keyed.returned);
        }
        // Before anything else: who may not work takes nothing, be it new or to be tried again.
        if !self.shared.crew.permitted(self.place)
            && let Some(next) = ready!(self.poll_permit(cx, idle, rests))
        {
            return Poll::Ready(next);
        }
        if W::Key::KEYED {
            return self.poll_turns(cx, want, idle, rests);
        }
        self.poll_fresh(cx, want, idle, rests)
    }

    /// Waits for what comes in, or is to be tried again.
    #[inline]
    pub(super) fn poll_fresh(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
        idle: bool,
        rests: Option<Instant>,
    ) -> Poll<Next<W>> {
        let shared = &self.shared;
        let mut outstanding = false;
        if shared.opts.single() {
            match shared.entered(|| shared.retries.poll(self.place, cx)) {
                Poll::Ready(Some(due)) => return Poll::Ready(self.again(due)),
                Poll::Ready(None) => {}
                Poll::Pending => outstanding = true,
            }
            self.at_retries = outstanding;
            if outstanding && shared.is_limited() {
                self.let_go();
                return self.pending(cx, idle, For::Rate, rests);
            }
        }
        if self.credits == 0 {
            match shared.edge.poll_credits(self.place, cx, want) {
                Poll::Ready(Ok(credits)) => self.credits = credits,
                Poll::Ready(Err(_)) => return Poll::Ready(Next::End),
                Poll::Pending => return self.pending(cx, idle, For::Room, rests),
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
                if std::mem::take(&mut self.at_retries) {
                    shared.retries.unpark(self.place);
                }
                self.waiting = false;
                self.woke = self.wait.take().map(Wait::end);
                Poll::Ready(Next::Batch {
                    seq,
                    credits: std::mem::take(&mut self.credits),
                })
            }
            Poll::Ready(None) if !outstanding => Poll::Ready(self.end()),
            Poll::Ready(None) | Poll::Pending => self.pending(cx, idle, For::Items, rests),
        }
    }

    /// There is nothing to do, unless an item has become due meanwhile.
    fn pending(
        &mut self,
        cx: &mut Context<'_>,
        idle: bool,
        what: For,
        since: Option<Instant>,
    ) -> Poll<Next<W>> {
        self.waiting = true;
        let mut limited = false;
        if self.shared.opts.single() {
            let shared = &self.shared;
            match shared.entered(|| shared.retries.wait(self.place, cx)) {
                Poll::Ready(Some(due)) => return Poll::Ready(self.again(due)),
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Pending => self.at_retries = true,
            }
            limited = shared.opts.rate.is_some() && shared.retries.limited();
        }
        // Also where others are being worked on: there would be a place for what waits.
        let (idle, what) = if limited {
            (true, For::Rate)
        } else {
            (idle, what)
        };
        self.waits(idle, what, since);
        Poll::Pending
    }

    /// Nothing more comes in, but items wait for keys that other workers have.
    #[cold]
    pub(super) fn pending_for_keys(&mut self, cx: &mut Context<'_>, idle: bool) -> Poll<Next<W>> {
        self.pending(cx, idle, For::Items, None)
    }

    /// The worker leaves.
    fn end(&mut self) -> Next<W> {
        self.shared.edge.release(std::mem::take(&mut self.credits));
        self.wait = None;
        Next::End
    }

    /// An item is to be tried again, by a worker that may have waited for others.
    fn again(&mut self, due: Due<ItemAgain<W>>) -> Next<W> {
        self.at_retries = false;
        self.shared.edge.unpark_giver(self.place);
        self.shared.feed.unpark(self.place);
        self.waiting = false;
        self.wait = None;
        Next::Again(due)
    }

    /// Waits until the worker may work again; the end, if there is nothing more for it.
    #[cold]
    fn poll_permit(
        &mut self,
        cx: &mut Context<'_>,
        idle: bool,
        since: Option<Instant>,
    ) -> Poll<Option<Next<W>>> {
        self.step_back();
        match self.shared.crew.poll_permit(self.place, cx) {
            Poll::Ready(Permit::Granted) => Poll::Ready(None),
            Poll::Ready(permit) => {
                self.resigned = permit == Permit::Resigned;
                self.wait = None;
                Poll::Ready(Some(Next::End))
            }
            Poll::Pending => {
                self.waits(idle, For::Permit, since);
                Poll::Pending
            }
        }
    }

    /// The worker waits no more, for it may not take anything: what it was woken for goes to another one.
    pub(crate) fn step_back(&mut self) {
        if W::Key::KEYED && self.waiting {
            self.shared.turns.unpark(self.place);
        }
        if self.waiting {
            self.wait = None;
        }
        self.let_go();
    }

    /// It waits no more, for it was given something else.
    pub(super) fn found(&mut self) {
        self.let_go();
        self.woke = self.wait.take().map(Wait::end);
    }

    fn let_go(&mut self) {
        if !std::mem::take(&mut self.waiting) {
            return;
        }
        let shared = &self.shared;
        if std::mem::take(&mut self.at_retries) {
            shared.retries.unpark(self.place);
        }
        shared.edge.release(std::mem::take(&mut self.credits));
        shared.edge.unpark_giver(self.place);
        shared.feed.unpark(self.place);
    }

    /// Notes the beginning of a wait, where that is known.
    fn waits(&mut self, idle: bool, what: For, since: Option<Instant>) {
        self.lacks = what;
        if !idle || !self.counts {
            self.wait = None;
        } else if self.wait.as_ref().is_none_or(|wait| wait.what != what) {
            let since = self.wait.take().map(Wait::end).or(since);
            let since = since.unwrap_or_else(Instant::now);
            self.wait = Some(Wait::new(&self.shared.timing, what, since));
        }
    }
}

/// What a worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Items,
    Room,
    Rate,
    Permit,
}

impl For {
    /// What counts the time of who waits for it.
    pub(super) fn of(self, timing: &Timing) -> &Stopwatch {
        match self {
            Self::Items => &timing.starved,
            Self::Room => &timing.blocked,
            Self::Rate => &timing.limited,
            Self::Permit => &timing.parked,
        }
    }
}

/// A worker's wait, counted while it lasts.
struct Wait {
    timing: Arc<Timing>,
    what: For,
    ended: Option<Instant>,
}

impl Wait {
    fn new(timing: &Arc<Timing>, what: For, since: Instant) -> Self {
        let wait = Self {
            timing: Arc::clone(timing),
            what,
            ended: None,
        };
        wait.what.of(timing).open(since);
        wait
    }

    /// It ends now.
    fn end(mut self) -> Instant {
        *self.ended.insert(Instant::now())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        self.what.of(&self.timing).close(ended);
    }
}
