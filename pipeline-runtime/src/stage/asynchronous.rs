//! `:async`: futures in flight, driven by a few tasks.

use std::future::{Future, poll_fn};
use std::ops::AsyncFn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tracing::Instrument;

use super::intake::{Intake, Next};
use super::park::block_on;
use super::retries::Due;
use super::shared::{Shared, Worker};
use super::slots::Slots;
use crate::build::{Crew, Port};
use crate::counts::Tally;
use crate::errors::BoxFuture;
use crate::opts::{Kind, Opts};
use crate::private::{Item, Portable, Shareable};
use crate::source::Hold;
use crate::step::{Entry, Step};

/// The most items that a driver takes under one lock.
const TAKE: usize = 256;

/// How often a driver looks again before it lets other tasks run.
const ROUNDS: usize = 8;

/// What the drivers of one group share.
pub struct Work<T: Item, M: Item, O: Item, Task: Item> {
    pub(crate) shared: Arc<Shared<T, M, O, Task>>,
    drivers: usize,
    started: Arc<AtomicUsize>,
}

impl<T: Item, M: Item, O: Item, Task: Item> Clone for Work<T, M, O, Task> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            drivers: self.drivers,
            started: Arc::clone(&self.started),
        }
    }
}

/// A group whose drivers are still to be given.
pub struct Half<O: Item, Task: Item> {
    next: Port<O, Task>,
    inline: bool,
    launch: Launch,
}

/// Starts the drivers that a factory makes.
pub(crate) type Launch = Box<dyn FnOnce(Drivers) + Send>;

pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) type Drivers = Box<dyn Fn() -> Driver + Send + Sync>;

/// Wires a group whose function is asynchronous.
#[must_use]
pub fn work<T: Item, M: Item, O: Item, Task: Item>(
    port: Port<T, Task>,
    opts: Opts,
) -> (Half<O, Task>, Work<T, M, O, Task>) {
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

impl<T: Item, M: Item, O: Item, Task: Item> Crew for Shared<T, M, O, Task> {
    /// A driver whose places are all taken sees it when one of them is free.
    fn set(self: Arc<Self>, count: usize) {
        self.edge.set_permits(count);
    }
}

/// How many tasks drive the group.
fn drivers(opts: &Opts) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match opts.kind {
        Kind::Async if opts.count < 2 * cores => 1,
        Kind::Async => cores,
        _ => opts.count,
    }
}

fn launch<T: Item, M: Item, O: Item, Task: Item>(
    shared: &Arc<Shared<T, M, O, Task>>,
    drivers: usize,
    factory: Drivers,
) {
    let factory = Arc::new(factory);
    for _ in 0..drivers {
        let factory = Arc::clone(&factory);
        let span = shared.span();
        if shared.opts.kind == Kind::Block {
            let name = shared.main().name.to_owned();
            let started = shared
                .control
                .spawn_thread(name, move || block_on((*factory)().instrument(span)));
            shared.thread_started(started);
        } else {
            shared.control.spawn((*factory)().instrument(span));
        }
    }
}

/// Gives a group its drivers.
pub fn stage<O: Item, Task: Item>(
    half: Half<O, Task>,
    driver: impl Fn() -> Driver + Portable,
) -> Port<O, Task> {
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
pub fn async_fn<T: Item, M: Item, O: Item, Task: Item, F, G>(
    _work: &Work<T, M, O, Task>,
    f: F,
) -> Arc<G>
where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task> + Shareable<G>,
{
    f.share()
}

/// One driver: a share of the futures in flight.
pub async fn drive_async<T: Item, M: Item, O: Item, Task: Item, F>(
    work: Work<T, M, O, Task>,
    f: Arc<F>,
) where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task>,
{
    let (shared, f) = (&*work.shared, &*f);
    let run = |_seq, entry: Entry<T, M>, hold: Option<Hold>| async move {
        let again = matches!(entry, Entry::Again(..));
        let settled = settle(shared, f(entry).await).await;
        drop(hold);
        (again, settled)
    };
    let mut driver = Driving::new(&work);
    let mut slots = Slots::new(driver.share());
    poll_fn(|cx| driver.poll(cx, &mut slots, &run)).await;
}

/// What became of an item, once its failure has been sent on.
pub(crate) enum Settled<O, M> {
    Emit(O),
    /// In this row.
    Filtered(usize),
    /// In this row.
    Failed(usize),
    Again(M, u32, Duration),
    /// All of it has been handed in and counted.
    HandedIn,
}

/// Sends a failure on while the item still has its place, so that a full errors end holds the stage back.
pub(crate) async fn settle<T: Item, M: Item, O: Item, P, Task: Item>(
    shared: &Shared<T, M, O, Task>,
    step: Step<P, M, Task>,
) -> Settled<P, M> {
    match step {
        Step::Emit(output) => Settled::Emit(output),
        Step::Filtered(stage) => Settled::Filtered(shared.row(stage)),
        // Boxed: a future in flight has no room for what rarely happens.
        Step::Failed(failure) => Settled::Failed(Box::pin(shared.failed(failure)).await),
        Step::Again {
            item,
            attempt,
            delay,
        } => Settled::Again(item, attempt, delay),
        Step::Gone => Settled::HandedIn,
    }
}

/// Whether a future was that of a retry, and what came of it.
type Ended<O, M> = (bool, Settled<O, M>);

/// A driver's side of the futures: what it takes, and what came of it.
pub(crate) struct Driving<T: Item, M: Item, O: Item, Task: Item> {
    worker: Option<Worker<T, M, O, Task>>,
    shared: Arc<Shared<T, M, O, Task>>,
    intake: Intake<T, M, O, Task>,
    place: usize,
    drivers: usize,
    tally: Tally,
    done: Vec<(u64, Ended<O, M>)>,
    emitted: Vec<(u64, Option<O>)>,
    /// Failures of the source on their way.
    reporting: Option<BoxFuture<'static, ()>>,
    ended: bool,
}

impl<T: Item, M: Item, O: Item, Task: Item> Driving<T, M, O, Task> {
    pub(crate) fn new(work: &Work<T, M, O, Task>) -> Self {
        let shared = Arc::clone(&work.shared);
        let place = work.started.fetch_add(1, Ordering::Relaxed);
        Self {
            worker: Some(shared.join()),
            intake: Intake::new(Arc::clone(&shared), place),
            place,
            drivers: work.drivers,
            tally: shared.tally(),
            done: Vec::new(),
            emitted: Vec::new(),
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
        slots: &mut Slots<F>,
        run: &C,
    ) -> Poll<()>
    where
        C: Fn(u64, Entry<T, M>, Option<Hold>) -> F,
        F: Future<Output = Ended<O, M>>,
    {
        for _ in 0..ROUNDS {
            self.take(cx, slots, run);
            let Self { done, .. } = self;
            slots.poll_woken(cx, |seq, output| done.push((seq, output)));
            if !self.done.is_empty() {
                self.hand_in();
                continue;
            }
            if self.ended && slots.idle() && self.reporting.is_none() {
                if let Some(worker) = self.worker.take() {
                    worker.finish();
                }
                return Poll::Ready(());
            }
            return Poll::Pending;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Starts as many futures as there are places and items.
    fn take<C, F>(&mut self, cx: &mut Context<'_>, slots: &mut Slots<F>, run: &C)
    where
        C: Fn(u64, Entry<T, M>, Option<Hold>) -> F,
        F: Future<Output = Ended<O, M>>,
    {
        while !self.ended {
            let room = slots.room(self.share());
            if room == 0 && !slots.idle() {
                return;
            }
            if let Some(reporting) = &mut self.reporting {
                if reporting.as_mut().poll(cx).is_pending() {
                    return;
                }
                self.reporting = None;
            }
            match self.intake.poll_next(cx, room.min(TAKE), slots.idle()) {
                Poll::Pending => return,
                Poll::Ready(Next::End) => self.ended = true,
                Poll::Ready(Next::Again(Due { seq, item, attempt })) => {
                    let output = slots.start(seq, run(seq, Entry::Again(item, attempt), None));
                    self.done.extend(output.map(|output| (seq, output)));
                }
                Poll::Ready(Next::Batch { seq, credits }) => {
                    let batch = &mut self.intake.batch;
                    let hold = batch.hold.take();
                    self.shared.edge.release(credits - batch.items.len());
                    for (seq, item) in (seq..).zip(batch.items.drain(..)) {
                        let output = slots.start(seq, run(seq, Entry::Fresh(item), hold.clone()));
                        self.done.extend(output.map(|output| (seq, output)));
                    }
                    if !batch.failures.is_empty() {
                        let (shared, mut failures) = (
                            Arc::clone(&self.shared),
                            std::mem::take(&mut batch.failures),
                        );
                        self.reporting = Some(Box::pin(async move {
                            shared.source_failed(&mut failures).await;
                        }));
                    }
                }
            }
        }
    }

    /// Counts what is done, and hands it in under one lock.
    fn hand_in(&mut self) {
        let Self {
            shared,
            tally,
            done,
            emitted,
            ended,
            ..
        } = self;
        for (seq, (again, settled)) in done.drain(..) {
            let output = match settled {
                Settled::Emit(output) => Some(output),
                Settled::Filtered(row) => {
                    tally.stages[row].filtered += 1;
                    None
                }
                Settled::Failed(row) => {
                    tally.stages[row].failed += 1;
                    None
                }
                Settled::Again(item, attempt, delay) => {
                    tally.stages[shared.row(shared.opts.main)].retries += 1;
                    shared.again(Due { seq, item, attempt }, delay);
                    *ended = false;
                    if again {
                        shared.retries.resolved();
                    }
                    continue;
                }
                Settled::HandedIn => {
                    if again {
                        shared.retries.resolved();
                    }
                    continue;
                }
            };
            if again {
                shared.retries.resolved();
            }
            tally.resolved += 1;
            emitted.push((seq, output));
        }
        shared.edge.submit_each(emitted.drain(..), tally);
    }
}
