//! `:async`: futures in flight, driven by a few tasks.

use std::future::{Future, poll_fn};
use std::ops::AsyncFn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::intake::{Intake, Next};
use super::park::block_on;
use super::retries::Due;
use super::shared::{Shared, Worker};
use super::slots::Slots;
use crate::bounds::BoxFuture;
use crate::bounds::{Item, Portable, Shareable};
use crate::build::{Crew, Port};
use crate::counts::Tally;
use crate::edge::Runs;
use crate::failure::Failure;
use crate::opts::{Kind, Opts};
use crate::pace::Pace;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry};

/// The most items that a driver takes under one lock.
const TAKE: usize = 256;

/// How often a driver looks again before it lets other tasks run.
const ROUNDS: usize = 8;

/// What the drivers of one group share.
pub struct Work<T: Item, M: Item, O: Item, Task: Item, K: Carry> {
    pub(crate) shared: Arc<Shared<T, M, O, Task, K>>,
    drivers: usize,
    started: Arc<AtomicUsize>,
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry> Clone for Work<T, M, O, Task, K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            drivers: self.drivers,
            started: Arc::clone(&self.started),
        }
    }
}

/// A group whose drivers are still to be given.
pub struct Half<O: Item, Task: Item, K: Carry> {
    next: Port<O, Task, K>,
    inline: bool,
    launch: Launch,
}

/// A group without its drivers, and what they will share.
type Halves<T, M, O, Task, K> = (Half<O, Task, K>, Work<T, M, O, Task, K>);

/// Starts the drivers that a factory makes.
pub(crate) type Launch = Box<dyn FnOnce(Drivers) + Send>;

pub(crate) type Drivers = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Wires a group whose function is asynchronous.
#[must_use]
pub fn work<T: Item, M: Item, O: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
    opts: Opts,
) -> Halves<T, M, O, Task, K> {
    let (drivers, inline) = (drivers(&opts), opts.inline);
    let in_flight = opts.kind == Kind::Async;
    let (shared, mut next) = Shared::wire(port, opts, true);
    shared.feed.workers(drivers);
    if let Some(group) = next.build.groups.last_mut() {
        group.workers = drivers;
        if in_flight {
            let crew: Weak<dyn Crew> = Arc::downgrade(&(shared.clone() as Arc<dyn Crew>));
            group.crew = Some(crew);
        }
    }
    let work = Work {
        shared: Arc::clone(&shared),
        drivers,
        started: Arc::default(),
    };
    let launch = move |factory: Drivers| launch(&shared, drivers, factory);
    (
        Half {
            next,
            inline,
            launch: Box::new(launch),
        },
        work,
    )
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry> Crew for Shared<T, M, O, Task, K> {
    /// A driver whose places are all taken sees it when one of them is free.
    fn set(self: Arc<Self>, count: usize) {
        self.edge.set_permits(count);
    }
}

/// How many tasks drive the group.
fn drivers(opts: &Opts) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match opts.kind {
        Kind::Async if opts.journal || opts.count < 2 * cores => 1,
        Kind::Async => cores,
        _ => opts.count,
    }
}

fn launch<T: Item, M: Item, O: Item, Task: Item, K: Carry>(
    shared: &Arc<Shared<T, M, O, Task, K>>,
    drivers: usize,
    factory: Drivers,
) {
    let factory = Arc::new(factory);
    for _ in 0..drivers {
        let factory = Arc::clone(&factory);
        let span = shared.span();
        if shared.opts.kind == Kind::Block {
            let name = shared.main().name.to_owned();
            let work = move || span.in_scope(|| block_on((*factory)()));
            let started = shared.control.spawn_thread(name, Box::new(work));
            shared.thread_started(started);
        } else {
            shared.control.spawn_in(span, (*factory)());
        }
    }
}

/// Gives a group its drivers.
pub fn stage<O: Item, Task: Item, K: Carry>(
    half: Half<O, Task, K>,
    driver: impl Fn() -> BoxFuture<'static, ()> + Portable,
) -> Port<O, Task, K> {
    let Half {
        mut next,
        inline,
        launch,
    } = half;
    if inline {
        next.build.inline = Some(Box::new(move || driver()));
    } else {
        next.build
            .starts
            .push(Box::new(move |_control| launch(Box::new(driver))));
    }
    next
}

/// Ties the types of a group to its function.
pub fn async_fn<T: Item, M: Item, O: Item, Task: Item, K: Carry, F, G>(
    _work: &Work<T, M, O, Task, K>,
    f: F,
) -> Arc<G>
where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task> + Shareable<G>,
{
    f.share()
}

/// One driver: a share of the futures in flight.
pub async fn drive_async<T: Item, M: Item, O: Item, Task: Item, K: Carry, F>(
    work: Work<T, M, O, Task, K>,
    f: Arc<F>,
) where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task>,
{
    let f = &*f;
    let run = |_seq, entry: Entry<T, M>, _ticket: &mut K| f(entry);
    let mut driver = Driving::new(&work);
    let mut slots = Slots::new(driver.share());
    poll_fn(|cx| driver.poll(cx, &mut slots, &run)).await;
}

/// For what a future was started.
#[derive(Debug)]
pub(crate) struct Started<K> {
    pub(super) seq: u64,
    /// Whether it is another attempt.
    pub(super) again: bool,
    pub(super) ticket: K,
}

/// What a future in flight ends with: a step, whose ticket stayed with the driver, or a step and its ticket.
pub(crate) trait Ending<O, M, Task, K> {
    fn step(self, kept: &mut K) -> Step<O, M, Task>;
}

impl<O, M, Task, K> Ending<O, M, Task, K> for Step<O, M, Task> {
    #[inline]
    fn step(self, _kept: &mut K) -> Self {
        self
    }
}

impl<O, M, Task, K> Ending<O, M, Task, K> for (Step<O, M, Task>, K) {
    fn step(self, kept: &mut K) -> Step<O, M, Task> {
        *kept = self.1;
        self.0
    }
}

/// What failed, each with the row that it is counted in.
type Failed<K> = Vec<(Started<K>, usize)>;

/// A driver's side of the futures: what it takes, and what came of it.
pub(crate) struct Driving<T: Item, M: Item, O: Item, Task: Item, K: Carry> {
    worker: Option<Worker<T, M, O, Task, K>>,
    shared: Arc<Shared<T, M, O, Task, K>>,
    intake: Intake<T, M, O, Task, K>,
    place: usize,
    drivers: usize,
    tally: Tally,
    pace: Pace,
    /// What came to an end and is to be handed in.
    resolved: Runs<Carried<O, K>>,
    /// Whether anything came to an end in this round.
    worked: bool,
    /// What failed in this round, and its failures.
    failed: Failed<K>,
    failures: Vec<Failure<Task>>,
    /// Failures of earlier rounds on their way, each in the place that its future had: a full errors end holds the stage
    /// back.
    failing: FuturesUnordered<BoxFuture<'static, Failed<K>>>,
    /// How many these are.
    sent: usize,
    /// Failures of the source on their way.
    reporting: Option<BoxFuture<'static, ()>>,
    ended: bool,
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry> Driving<T, M, O, Task, K> {
    pub(crate) fn new(work: &Work<T, M, O, Task, K>) -> Self {
        let shared = Arc::clone(&work.shared);
        let place = work.started.fetch_add(1, Ordering::Relaxed);
        Self {
            worker: Some(shared.join()),
            intake: Intake::new(Arc::clone(&shared), place),
            place,
            drivers: work.drivers,
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
        let permits = self.shared.edge.permits();
        permits / self.drivers + usize::from(self.place < permits % self.drivers)
    }

    pub(crate) fn poll<C, F>(
        &mut self,
        cx: &mut Context<'_>,
        slots: &mut Slots<F, K>,
        run: &C,
    ) -> Poll<()>
    where
        C: Fn(u64, Entry<T, M>, &mut K) -> F,
        F: Future<Output: Ending<O, M, Task, K>>,
    {
        for _ in 0..ROUNDS {
            self.worked = self.take(cx, slots, run);
            slots.poll_woken(cx, |started, ending| self.ended(started, ending));
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
                        worker.finish();
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
    fn take<C, F>(&mut self, cx: &mut Context<'_>, slots: &mut Slots<F, K>, run: &C) -> bool
    where
        C: Fn(u64, Entry<T, M>, &mut K) -> F,
        F: Future<Output: Ending<O, M, Task, K>>,
    {
        let room = slots.room(self.share()).saturating_sub(self.sent);
        let idle = slots.idle() && self.failing.is_empty();
        if self.ended || (room == 0 && !idle) || self.poll_reporting(cx).is_pending() {
            return false;
        }
        let most = room.clamp(1, TAKE);
        match self.intake.poll_next(cx, self.pace.want(most), idle) {
            Poll::Pending => return false,
            Poll::Ready(Next::End) => self.ended = true,
            Poll::Ready(Next::Again(Due { seq, item, attempt })) => {
                let Carried { item, mut ticket } = item;
                let future = run(seq, Entry::Again(item, attempt), &mut ticket);
                let started = Started {
                    seq,
                    again: true,
                    ticket,
                };
                match slots.start(future) {
                    Poll::Ready(ending) => self.ended(started, ending),
                    Poll::Pending => slots.keep(started, None),
                }
            }
            Poll::Ready(Next::Batch { seq, credits }) => {
                let mut items = std::mem::take(&mut self.intake.batch.items);
                let count = items.len();
                let hold = self.intake.batch.hold.take();
                self.shared.edge.release(credits - count);
                self.pace.begin(most, None);
                for (seq, carried) in (seq..).zip(items.drain(..)) {
                    let Carried { item, mut ticket } = carried;
                    let future = run(seq, Entry::Fresh(item), &mut ticket);
                    let started = Started {
                        seq,
                        again: false,
                        ticket,
                    };
                    match slots.start(future) {
                        Poll::Ready(ending) => self.ended(started, ending),
                        Poll::Pending => slots.keep(started, hold.clone()),
                    }
                }
                self.pace.end(count);
                let batch = &mut self.intake.batch;
                batch.items = items;
                if !batch.failures.is_empty() {
                    let shared = Arc::clone(&self.shared);
                    let failures = shared.source_failed(&mut batch.failures);
                    self.reporting = Some(Box::pin(async move { shared.report(failures).await }));
                }
            }
        }
        true
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
    fn ended(&mut self, mut started: Started<K>, ending: impl Ending<O, M, Task, K>) {
        self.worked = true;
        match ending.step(&mut started.ticket) {
            Step::Emit(item) => {
                let ticket = std::mem::take(&mut started.ticket);
                self.resolve(&started, Some(Carried { item, ticket }));
            }
            step => self.settle(started, step),
        }
    }

    /// What is no output: a failure to be sent on, an item to wait for another attempt.
    fn settle(&mut self, mut started: Started<K>, step: Step<O, M, Task>) {
        let ticket = std::mem::take(&mut started.ticket);
        match step {
            Step::Emit(item) => self.resolve(&started, Some(Carried { item, ticket })),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
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
    fn reported(&mut self, failed: Failed<K>) {
        self.sent -= failed.len();
        for (started, row) in failed {
            self.tally.stages[row].failed += 1;
            self.resolve(&started, None);
        }
    }

    fn resolve(&mut self, started: &Started<K>, output: Option<Carried<O, K>>) {
        self.tried(started);
        self.tally.resolved += 1;
        self.resolved.resolve(started.seq, output);
    }

    fn tried(&self, started: &Started<K>) {
        if started.again {
            self.shared.retries.resolved();
        }
    }
}
