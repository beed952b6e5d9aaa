//! The futures of one driver: what it takes, and what comes of it.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::driven::Driven;
use super::intake::{For, Intake, Next};
use super::key::Key as _;
use super::places::{Places, grow};
use super::retries::Due;
use super::shared::{Shared, Worker};
use super::slots::Slots;
use super::usage::Usage;
use super::wiring::{ItemAgain, ItemOut, StepOf, Wiring};
use crate::bounds::BoxFuture;
use crate::failure::Failure;
use crate::flow::edge::Runs;
use crate::flow::feed::Hold;
use crate::measure::counts::Tally;
use crate::measure::pace::Pace;
use crate::named::debug_by_name;
use crate::step::Entry;
use crate::ticket::{Carried, Carry, Now};

/// The most items that a driver takes under one lock.
const TAKE: usize = 256;

/// How often a driver looks again before it lets other tasks run.
const ROUNDS: usize = 8;

/// What the drivers of one group share.
pub struct Work<W: Wiring> {
    pub(crate) shared: Arc<Shared<W>>,
    /// How many drivers share the futures in flight; `None` where each has one.
    pub(super) drivers: Option<usize>,
    pub(super) started: Arc<AtomicUsize>,
    pub(super) places: Arc<Places>,
    /// Who makes more drivers.
    pub(super) driven: Weak<Driven<W>>,
}

debug_by_name!(Work<W: Wiring>);

impl<W: Wiring> Clone for Work<W> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            drivers: self.drivers,
            started: Arc::clone(&self.started),
            places: Arc::clone(&self.places),
            driven: Weak::clone(&self.driven),
        }
    }
}

/// What a future in flight ends with: a step, whose ticket stayed with the driver, or a step and its ticket.
pub(crate) trait Ending<W: Wiring> {
    fn step(self, kept: &mut W::Ticket) -> StepOf<W>;
}

impl<W: Wiring> Ending<W> for StepOf<W> {
    #[inline]
    fn step(self, _kept: &mut W::Ticket) -> Self {
        self
    }
}

impl<W: Wiring> Ending<W> for (StepOf<W>, W::Ticket) {
    fn step(self, kept: &mut W::Ticket) -> StepOf<W> {
        *kept = self.1;
        self.0
    }
}

/// For what a future was started.
#[derive(Debug)]
pub(crate) struct Started<K, Y> {
    pub(super) seq: u64,
    /// Whether it is another attempt.
    pub(super) again: bool,
    pub(super) ticket: K,
    pub(super) key: Y,
}

pub(super) type StartedOf<W> = Started<<W as Wiring>::Ticket, <W as Wiring>::Key>;

/// The futures of a driver.
type SlotsOf<W, F> = Slots<F, StartedOf<W>>;

/// What failed, each with the row that it is counted in.
pub(super) type Failed<W> = Vec<(StartedOf<W>, usize)>;

/// A driver's side of the futures: what it takes, and what came of it.
pub(crate) struct Driving<W: Wiring> {
    worker: Option<Worker<W>>,
    pub(super) shared: Arc<Shared<W>>,
    pub(super) intake: Intake<W>,
    usage: Usage,
    place: usize,
    work: Work<W>,
    /// Whether it is counted among the drivers that have nothing to do.
    free: bool,
    pub(super) tally: Tally,
    pace: Pace,
    /// What came to an end and is to be handed in.
    pub(super) resolved: Runs<ItemOut<W>>,
    /// Whether anything came to an end in this round.
    pub(super) worked: bool,
    /// What failed in this round, and its failures.
    pub(super) failed: Failed<W>,
    pub(super) failures: Vec<Failure<W::Task>>,
    /// Failures of earlier rounds on their way, each in the place that its future had: a full errors end holds the stage
    /// back.
    pub(super) failing: FuturesUnordered<BoxFuture<'static, Failed<W>>>,
    /// How many these are.
    pub(super) sent: usize,
    /// Failures of the source on their way.
    reporting: Option<BoxFuture<'static, ()>>,
    pub(super) ended: bool,
}

impl<W: Wiring> Driving<W> {
    pub(crate) fn new(work: &Work<W>) -> Self {
        let shared = Arc::clone(&work.shared);
        // Relaxed: that each gets a number of its own is all.
        let place = work.started.fetch_add(1, Ordering::Relaxed);
        let intake = Intake::new(Arc::clone(&shared), place);
        Self {
            worker: Some(shared.join()),
            intake: if work.drivers.is_some() {
                intake.uncounted()
            } else {
                intake
            },
            usage: Usage::new(&shared.timing),
            place,
            work: work.clone(),
            free: work.drivers.is_none() && work.places.counted(place),
            tally: shared.tally(),
            pace: Pace::new(),
            resolved: Runs::new(),
            worked: false,
            failed: Vec::new(),
            failures: Vec::new(),
            failing: FuturesUnordered::new(),
            sent: 0,
            reporting: None,
            ended: false,
            shared,
        }
    }

    /// Places for its futures. Where several have one driver, it is told there of more that it may have.
    pub(super) fn slots<F: Future>(&self) -> SlotsOf<W, F> {
        let slots = Slots::new();
        if self.work.drivers.is_some() {
            self.shared.crew.tells(Arc::clone(slots.driver()));
        }
        slots
    }

    /// How many futures it may have in flight: the shares of all drivers add up to the permits exactly.
    pub(crate) fn share(&self) -> usize {
        let permits = self.shared.crew.permits();
        match self.work.drivers {
            Some(drivers) => permits / drivers + usize::from(self.place < permits % drivers),
            None => usize::from(self.place < permits),
        }
    }

    /// It has something to do: where each has one future, the next one may have to be made for what else there is.
    fn busy(&mut self) {
        if self.work.drivers.is_none()
            && self.work.places.works(&mut self.free)
            && let Some(driven) = self.work.driven.upgrade()
        {
            grow(&driven);
        }
    }

    /// It has nothing to do, if all has come to an end.
    fn rests(&mut self, idle: bool) {
        if idle && self.work.drivers.is_none() {
            self.work.places.rests(&mut self.free);
        }
    }

    /// Goes on with its futures, and looks for more.
    #[inline]
    pub(crate) fn poll<C, F>(
        &mut self,
        cx: &mut Context<'_>,
        slots: &mut SlotsOf<W, F>,
        run: &C,
    ) -> Poll<()>
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        self.usage.begins();
        let polled = self.rounds(cx, slots, run);
        if self.work.drivers.is_some() {
            let used = slots.running() + self.sent;
            self.usage.ends(used, self.share(), self.intake.lacks);
        } else {
            self.usage.ends(0, 0, For::Items);
        }
        polled
    }

    #[inline]
    fn rounds<C, F>(&mut self, cx: &mut Context<'_>, slots: &mut SlotsOf<W, F>, run: &C) -> Poll<()>
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        // Before it looks for anything: how many futures it may have is also told there.
        slots.register(cx);
        for _ in 0..ROUNDS {
            self.worked = self.take(cx, slots, run);
            slots.poll_woken(|started, ending| match ending {
                Ok(ending) => self.ended(started, ending),
                Err(panicked) => self.fell(started, panicked),
            });
            if !self.failures.is_empty() {
                self.report();
            }
            while let Poll::Ready(Some(failed)) = self.failing.poll_next_unpin(cx) {
                self.reported(failed);
            }
            if !self.resolved.is_empty() {
                let Self {
                    shared,
                    resolved,
                    tally,
                    ..
                } = self;
                shared.passed.pour(&mut tally.arms);
                shared.edge.submit_each(resolved, tally);
            } else if !self.worked {
                if self.ended && slots.idle() && self.failing.is_empty() && self.reporting.is_none()
                {
                    if let Some(worker) = self.worker.take() {
                        worker.finish(self.intake.resigned);
                    }
                    return Poll::Ready(());
                }
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Starts futures for what there is, as far as there are places and as it is worth its time: results are handed in
    /// before more is taken. Whether anything was started, or the end was found.
    #[inline]
    fn take<C, F>(&mut self, cx: &mut Context<'_>, slots: &mut SlotsOf<W, F>, run: &C) -> bool
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        let share = self.share();
        let room = slots.room(share).saturating_sub(self.sent);
        let idle = slots.idle() && self.failing.is_empty();
        if W::Key::KEYED && (room == 0 || self.ended || self.reporting.is_some()) {
            // It may take nothing now, so others have to go on with its keys.
            self.shared.turns.leave(&mut self.intake.keyed.returned);
        }
        if room == 0 && !idle {
            // It may have had room when it began to wait, and has been chosen for what it cannot take any more.
            self.intake.step_back();
            return false;
        }
        if self.ended || self.poll_reporting(cx).is_pending() {
            return false;
        }
        self.rests(idle);
        let most = room.clamp(1, TAKE);
        match self.intake.poll_next(cx, self.pace.want(most), idle) {
            Poll::Pending => return false,
            Poll::Ready(Next::End) => self.ended = true,
            Poll::Ready(Next::Again(due)) => self.start_again(slots, run, due),
            // Known when it is compiled: a group without keys has nothing of it.
            Poll::Ready(Next::Turns) if !W::Key::KEYED => {}
            Poll::Ready(Next::Turns) => self.start_turns(slots, run, most, share),
            Poll::Ready(Next::Batch { seq, credits }) => {
                let mut items = std::mem::take(&mut self.intake.batch.items);
                let count = items.len();
                self.busy();
                slots.make_room(count, share);
                let hold = self.intake.batch.hold.take();
                self.shared.edge.release(credits - count);
                self.pace.begin(most, None);
                let (again, key) = (false, W::Key::of(0));
                // As `start` does, but written out: moved into it, an item takes a few instructions more.
                for (seq, carried) in (seq..).zip(items.drain(..)) {
                    let Carried { item, mut ticket } = carried;
                    if ticket.is_lost(&mut Now::default()) {
                        self.lost(Started {
                            seq,
                            again,
                            ticket,
                            key,
                        });
                        continue;
                    }
                    let future = run(seq, Entry::Fresh(item), &mut ticket);
                    let started = Started {
                        seq,
                        again,
                        ticket,
                        key,
                    };
                    match slots.start(future) {
                        Ok(Poll::Ready(ending)) => self.ended(started, ending),
                        Ok(Poll::Pending) => slots.keep(started, hold.clone()),
                        Err(panicked) => self.fell(started, panicked),
                    }
                }
                self.pace.end(count);
                self.intake.batch.items = items;
                self.report_source();
            }
        }
        true
    }

    /// Starts the items whose turn it is.
    fn start_turns<C, F>(&mut self, slots: &mut SlotsOf<W, F>, run: &C, most: usize, share: usize)
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        let mut turns = std::mem::take(&mut *self.intake.keyed.turns);
        let count = turns.len();
        self.busy();
        slots.make_room(count, share);
        self.pace.begin(most, None);
        for turn in turns.drain(..) {
            let (entry, hold) = (Entry::Fresh(turn.item.item), turn.hold);
            let started = Started {
                seq: turn.seq,
                again: false,
                ticket: turn.item.ticket,
                key: W::Key::of(turn.key),
            };
            self.start(slots, run, started, entry, hold.as_ref());
        }
        self.pace.end(count);
        *self.intake.keyed.turns = turns;
        self.fallen();
        self.report_source();
    }

    /// Starts a future for an item that is tried again.
    #[inline]
    pub(super) fn start_again<C, F>(
        &mut self,
        slots: &mut SlotsOf<W, F>,
        run: &C,
        due: Due<ItemAgain<W>>,
    ) where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        self.busy();
        slots.make_room(1, self.share());
        let (carried, key) = due.item;
        let entry = Entry::Again(carried.item, due.attempt, due.entered);
        let (seq, ticket, again) = (due.seq, carried.ticket, true);
        let started = Started {
            seq,
            again,
            ticket,
            key,
        };
        self.start(slots, run, started, entry, None);
    }

    /// The head of the line, if it is to be tried again now, for a driver that has no place for more, but futures that wait
    /// for their turn behind it: it may have the place of one of these.
    #[cold]
    pub(super) fn poll_head(&self, cx: &mut Context<'_>) -> Option<Due<ItemAgain<W>>> {
        let shared = &self.shared;
        let head = || shared.edge.head();
        let due = shared.entered(|| shared.retries.poll_head(self.place, head, cx));
        match due {
            Poll::Ready(due) => due,
            Poll::Pending => None,
        }
    }

    /// Starts a future.
    #[inline]
    fn start<C, F>(
        &mut self,
        slots: &mut SlotsOf<W, F>,
        run: &C,
        mut started: StartedOf<W>,
        entry: Entry<W::In, W::Again>,
        hold: Option<&Hold>,
    ) where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        // The clock is read for each: to begin another of the batch may take long, and a process may be stopped between two.
        if started.ticket.is_lost(&mut Now::default()) {
            return self.lost(started);
        }
        let future = run(started.seq, entry, &mut started.ticket);
        match slots.start(future) {
            Ok(Poll::Ready(ending)) => self.ended(started, ending),
            Ok(Poll::Pending) => slots.keep(started, hold.cloned()),
            Err(panicked) => self.fell(started, panicked),
        }
    }

    /// Sends on what failed in the source.
    fn report_source(&mut self) {
        let batch = &mut self.intake.batch;
        if !batch.failures.is_empty() {
            let shared = Arc::clone(&self.shared);
            let failures = batch.failed();
            self.reporting = Some(Box::pin(async move { shared.report(failures).await }));
        }
    }

    fn poll_reporting(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(reporting) = &mut self.reporting {
            ready!(reporting.as_mut().poll(cx));
            self.reporting = None;
        }
        Poll::Ready(())
    }
}
