//! The futures of one driver: what it takes, and what comes of it.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::driven::Driven;
use super::intake::{Intake, Next};
use super::places::{Places, grow};
use super::retries::Due;
use super::shared::{Shared, Worker};
use super::slots::{Slots, Started};
use super::wiring::{ItemOut, StepOf, Wiring};
use crate::bounds::BoxFuture;
use crate::failure::Failure;
use crate::flow::edge::Runs;
use crate::guard::Panicked;
use crate::measure::counts::Tally;
use crate::measure::pace::Pace;
use crate::named::debug_by_name;
use crate::step::{Entry, Step};
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

/// What failed, each with the row that it is counted in.
type Failed<K> = Vec<(Started<K>, usize)>;

/// A driver's side of the futures: what it takes, and what came of it.
pub(crate) struct Driving<W: Wiring> {
    worker: Option<Worker<W>>,
    shared: Arc<Shared<W>>,
    intake: Intake<W>,
    place: usize,
    work: Work<W>,
    /// Whether it is counted among the drivers that have nothing to do.
    free: bool,
    tally: Tally,
    pace: Pace,
    /// What came to an end and is to be handed in.
    resolved: Runs<ItemOut<W>>,
    /// Whether anything came to an end in this round.
    worked: bool,
    /// What failed in this round, and its failures.
    failed: Failed<W::Ticket>,
    failures: Vec<Failure<W::Task>>,
    /// Failures of earlier rounds on their way, each in the place that its future had: a full errors end holds the stage
    /// back.
    failing: FuturesUnordered<BoxFuture<'static, Failed<W::Ticket>>>,
    /// How many these are.
    sent: usize,
    /// Failures of the source on their way.
    reporting: Option<BoxFuture<'static, ()>>,
    ended: bool,
}

impl<W: Wiring> Driving<W> {
    pub(crate) fn new(work: &Work<W>) -> Self {
        let shared = Arc::clone(&work.shared);
        // Relaxed: that each gets a number of its own is all.
        let place = work.started.fetch_add(1, Ordering::Relaxed);
        Self {
            worker: Some(shared.join()),
            intake: Intake::new(Arc::clone(&shared), place),
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

    #[inline]
    pub(crate) fn poll<C, F>(
        &mut self,
        cx: &mut Context<'_>,
        slots: &mut Slots<F, W::Ticket>,
        run: &C,
    ) -> Poll<()>
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        for _ in 0..ROUNDS {
            self.worked = self.take(cx, slots, run);
            slots.poll_woken(cx, |started, ending| match ending {
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
    fn take<C, F>(&mut self, cx: &mut Context<'_>, slots: &mut Slots<F, W::Ticket>, run: &C) -> bool
    where
        C: Fn(u64, Entry<W::In, W::Again>, &mut W::Ticket) -> F,
        F: Future<Output: Ending<W>>,
    {
        let share = self.share();
        let room = slots.room(share).saturating_sub(self.sent);
        let idle = slots.idle() && self.failing.is_empty();
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
            Poll::Ready(Next::Again(Due { seq, item, attempt })) => {
                self.busy();
                slots.make_room(1, share);
                let Carried { item, mut ticket } = item;
                let again = true;
                if ticket.is_lost(&mut Now::default()) {
                    self.lost(Started { seq, again, ticket });
                    return true;
                }
                let future = run(seq, Entry::Again(item, attempt), &mut ticket);
                let started = Started { seq, again, ticket };
                match slots.start(future) {
                    Ok(Poll::Ready(ending)) => self.ended(started, ending),
                    Ok(Poll::Pending) => slots.keep(started, None),
                    Err(panicked) => self.fell(started, panicked),
                }
            }
            Poll::Ready(Next::Batch { seq, credits }) => {
                let mut items = std::mem::take(&mut self.intake.batch.items);
                let count = items.len();
                self.busy();
                slots.make_room(count, share);
                let hold = self.intake.batch.hold.take();
                self.shared.edge.release(credits - count);
                self.pace.begin(most, None);
                let again = false;
                for (seq, carried) in (seq..).zip(items.drain(..)) {
                    let Carried { item, mut ticket } = carried;
                    // The clock is read for each: to begin another of the batch may take long, and a process may be stopped
                    // between two.
                    if ticket.is_lost(&mut Now::default()) {
                        self.lost(Started { seq, again, ticket });
                        continue;
                    }
                    let future = run(seq, Entry::Fresh(item), &mut ticket);
                    let started = Started { seq, again, ticket };
                    match slots.start(future) {
                        Ok(Poll::Ready(ending)) => self.ended(started, ending),
                        Ok(Poll::Pending) => slots.keep(started, hold.clone()),
                        Err(panicked) => self.fell(started, panicked),
                    }
                }
                self.pace.end(count);
                let batch = &mut self.intake.batch;
                batch.items = items;
                if !batch.failures.is_empty() {
                    let shared = Arc::clone(&self.shared);
                    let failures = batch.failed();
                    self.reporting = Some(Box::pin(async move { shared.report(failures).await }));
                }
            }
        }
        true
    }

    /// An item is not begun, for it is somebody else's by now.
    #[cold]
    fn lost(&mut self, started: Started<W::Ticket>) {
        self.worked = true;
        let step = Step::Lost(self.shared.opts.main);
        self.settle(started, step);
    }

    fn poll_reporting(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(reporting) = &mut self.reporting {
            ready!(reporting.as_mut().poll(cx));
            self.reporting = None;
        }
        Poll::Ready(())
    }

    /// A future came to its end.
    #[inline]
    fn ended(&mut self, mut started: Started<W::Ticket>, ending: impl Ending<W>) {
        self.worked = true;
        match ending.step(&mut started.ticket) {
            Step::Emit(item) => {
                let ticket = std::mem::take(&mut started.ticket);
                self.resolve(&started, Some(Carried { item, ticket }));
            }
            step => self.settle(started, step),
        }
    }

    /// A future panicked outside of the user's calls.
    #[cold]
    fn fell(&mut self, started: Started<W::Ticket>, panicked: Panicked) {
        self.worked = true;
        let step = Step::Failed(self.shared.fell(panicked));
        self.settle(started, step);
    }

    /// What is no output: a failure to be sent on, an item to wait for another attempt.
    fn settle(&mut self, mut started: Started<W::Ticket>, step: StepOf<W>) {
        let ticket = std::mem::take(&mut started.ticket);
        match step {
            Step::Emit(item) => self.resolve(&started, Some(Carried { item, ticket })),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
                self.resolve(&started, None);
            }
            Step::AlreadyDone(stage) => {
                self.tally.aside(self.shared.row(stage), false, ticket);
                self.resolve(&started, None);
            }
            Step::Lost(stage) => {
                self.tally.aside(self.shared.row(stage), true, ticket);
                self.resolve(&started, None);
            }
            Step::Failed(failure) => {
                let (failure, row) = self.shared.failed(failure, ticket);
                self.failures.push(failure);
                self.failed.push((started, row));
            }
            Step::Again {
                item,
                attempt,
                delay,
            } => {
                self.tally.stages[self.shared.row(self.shared.opts.main)].retries += 1;
                // It may have nothing to hand in for a long time, or ever.
                self.shared.edge.count(&mut self.tally);
                self.shared.again(
                    Due {
                        seq: started.seq,
                        item: Carried { item, ticket },
                        attempt,
                    },
                    delay,
                );
                self.ended = false;
                self.tried(&started);
            }
            // Its deadline has resolved it, or its outputs were handed in one by one.
            Step::Gone => self.tried(&started),
        }
    }

    /// Sends on what failed in this round, in one write.
    #[cold]
    fn report(&mut self) {
        let shared = Arc::clone(&self.shared);
        let failures = std::mem::take(&mut self.failures);
        let failed = std::mem::take(&mut self.failed);
        self.sent += failed.len();
        self.failing.push(Box::pin(async move {
            shared.report(failures).await;
            failed
        }));
    }

    #[cold]
    fn reported(&mut self, failed: Failed<W::Ticket>) {
        self.sent -= failed.len();
        for (started, row) in failed {
            self.tally.stages[row].failed += 1;
            self.resolve(&started, None);
        }
    }

    #[inline]
    fn resolve(&mut self, started: &Started<W::Ticket>, output: Option<ItemOut<W>>) {
        self.tried(started);
        self.tally.resolved += 1;
        self.resolved.resolve(started.seq, output);
    }

    fn tried(&self, started: &Started<W::Ticket>) {
        if started.again {
            self.shared.retries.resolved();
        }
    }
}
