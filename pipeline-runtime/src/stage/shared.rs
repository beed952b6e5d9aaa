//! What the workers of one group share.

use std::io;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::Span;

use super::by::By;
use super::key::Key as _;
use super::passed::Passing;
use super::retries::{Due, Retries, Waited};
use super::turns::Turns;
use super::wiring::{ItemAgain, ItemIn, ItemOut, PortIn, PortOut, Wiring};
use crate::errors::Reporter;
use crate::failure::{Cause, Failure, StageInfo, Stop};
use crate::flow::edge::{Edge, Take};
use crate::flow::feed::Feed;
use crate::graph::{Crew, Group, Opts, Port, Timing};
use crate::guard::Panicked;
use crate::measure::counts::Tally;
use crate::measure::pace::Probe;
use crate::placed::Placed;
use crate::rate::Place;
use crate::run::control::{Close, Control};
use crate::step::Delay;
use crate::ticket::Carry as _;

/// For how long results may be ready before a sleeping consumer is woken, whatever the workers do.
const DEFERRED_AT_MOST: Duration = Duration::from_millis(2);

/// The most bytes, by `size_of`, that a worker takes or makes at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) struct Shared<W: Wiring> {
    pub(crate) feed: Arc<dyn Feed<ItemIn<W>>>,
    pub(crate) edge: Arc<Edge<ItemOut<W>>>,
    pub(crate) crew: Arc<Crew>,
    pub(crate) retries: Arc<Retries<ItemAgain<W>>>,
    /// What waits for its key, and what that is, where there are keys.
    pub(crate) turns: Arc<Turns<ItemIn<W>>>,
    pub(crate) by: Option<By<W>>,
    pub(crate) reporter: Arc<dyn Reporter<W::Task>>,
    pub(crate) control: Arc<Control>,
    pub(crate) timing: Arc<Timing>,
    pub(crate) take: Take,
    /// Told of deferred wake-ups.
    pub(crate) deferred: Notify,
    /// How many items have passed the arms of a `match`, where futures count them.
    pub(crate) passed: Arc<Passing>,
    /// What makes up for them.
    pub(crate) ticker: OnceLock<AbortHandle>,
    pub(crate) opts: Opts,
    pub(crate) stages: Arc<Placed>,
    /// The keys that the record has before the annotated stage.
    pub(crate) frames: &'static [&'static str],
}

impl<W: Wiring> Shared<W> {
    /// Wires a group behind `port`: what its workers will share, the group, which is still to be pushed, and the port
    /// behind it.
    pub(crate) fn wire(port: PortIn<W>, opts: Opts, each: bool) -> (Arc<Self>, Group, PortOut<W>) {
        Self::wire_by(port, opts, each, None)
    }

    /// The same of a group whose items have keys; in a group without it is `None`.
    pub(crate) fn wire_by(
        port: PortIn<W>,
        opts: Opts,
        each: bool,
        by: Option<By<W>>,
    ) -> (Arc<Self>, Group, PortOut<W>) {
        let edge = port.edge::<W::Out>(&opts);
        let control = port.graph.control();
        let (stages, placed) = {
            let mut build = port.graph.lock();
            let stages = build.stages(&port.scope, &opts);
            let main = &stages[opts.main - opts.stages.start];
            build.check(&opts, main);
            if opts.rate.is_some() {
                build.needs_timer(Some(main.clone()), "a `rate`");
            } else if opts.single {
                build.needs_timer(Some(main.clone()), "a `retry`");
            } else if opts.timeout.is_some() {
                build.needs_timer(Some(main.clone()), "a `timeout`");
            }
            let placed = build.placed(stages.clone());
            (stages, placed)
        };
        port.feed.workers(opts.count);
        let timing = Arc::<Timing>::default();
        timing.staffed(opts.count);
        let crew = Crew::of(opts.count);
        control.closes(Arc::clone(&crew) as Arc<dyn Close>);
        let group = Group {
            beside: None,
            stages,
            metas: port.scope.metas(opts.stages.clone()),
            kind: opts.runs(),
            main: opts.main - opts.stages.start,
            count: opts.count,
            inputs: port.inputs,
            own: edge.clone(),
            timing: Arc::clone(&timing),
            per_credit: 1,
            bound: edge.clone(),
            state: None,
            side: None,
            crew: Arc::clone(&crew),
            resize: None,
        };
        let retries = Arc::new(Retries::new());
        if opts.single() {
            control.closes(Arc::clone(&retries) as Arc<dyn Close>);
        }
        let turns = Arc::new(Turns::new(!each && !opts.single()));
        if by.is_some() {
            control.closes(Arc::clone(&turns) as Arc<dyn Close>);
        }
        let next = Port {
            graph: port.graph,
            feed: Arc::new(Arc::clone(&edge)),
            inputs: vec![group.arrow()],
            reporter: Arc::clone(&port.reporter),
            errors: port.errors,
            batches: false,
            scope: port.scope.clone(),
        };
        let shared = Arc::new(Self {
            feed: port.feed,
            edge,
            crew,
            retries,
            turns,
            by,
            reporter: port.reporter,
            control,
            timing,
            take: Take {
                each: each || W::Key::KEYED,
                keep: false,
            },
            deferred: Notify::new(),
            ticker: OnceLock::new(),
            passed: Passing::of(opts.arms),
            frames: port.scope.frames(opts.main),
            opts,
            stages: placed,
        });
        (shared, group, next)
    }

    /// The stage that the workers are named after; only once they run.
    pub(crate) fn main(&self) -> &StageInfo {
        self.stages.get(self.row(self.opts.main))
    }

    /// The row in the group of the stage that the expansion numbers `stage`.
    pub(crate) fn row(&self, stage: usize) -> usize {
        stage - self.opts.stages.start
    }

    /// The most items that one worker may take at once: its fair share of the credits, and about 64 KiB.
    pub(crate) fn most(&self) -> usize {
        if self.opts.single() {
            return 1;
        }
        let bytes = size_of::<W::In>().max(size_of::<W::Out>()).max(1);
        self.share().min(CHUNK_BYTES / bytes).max(1)
    }

    /// The most items that a worker may hold, however large they are: for one whose work is cheaper the more it has at once.
    pub(crate) fn share(&self) -> usize {
        let (window, count) = (self.edge.window(), self.crew.permits());
        let share = if count == 1 {
            window
        } else {
            window / count.saturating_mul(2)
        };
        share.max(1)
    }

    /// An item's failure, to be sent on; and the row it is to be counted in.
    #[cold]
    pub(crate) fn failed(
        &self,
        mut failure: Failure<W::Task>,
        ticket: W::Ticket,
    ) -> (Failure<W::Task>, usize) {
        let row = self.row(failure.0.number);
        failure.0.stage = self.stages.get(row).clone();
        failure.0.ticket = ticket.into_ticket().into();
        tracing::debug!(stage = &*failure.stage().path, cause = %failure.cause(), stack = %failure.stack(), "item failed");
        (failure, row)
    }

    /// The failure of an item for which the group's function panicked outside of the user's calls, which are guarded one by
    /// one: the item, or a part of it, was dropped.
    #[cold]
    pub(crate) fn fell(&self, panicked: Panicked) -> Failure<W::Task> {
        let cause = Cause::Panic(panicked.into_message());
        let mut failure = Failure::new(self.main().clone(), cause);
        failure.0.number = self.opts.main;
        failure.0.attempts = 1;
        failure.0.frames = self.frames;
        failure
    }

    /// Sends the failures of a chunk on, in one write.
    pub(crate) async fn report(&self, failures: Vec<Failure<W::Task>>) {
        if !failures.is_empty() {
            self.reporter.report(failures).await;
        }
    }

    /// An item waits, then a worker takes it up again.
    pub(crate) fn again(self: &Arc<Self>, mut due: Due<ItemAgain<W>>, delay: Delay) {
        match (delay, &self.opts.rate) {
            (Delay::Pause(time), _) => {
                self.retries.add(false);
                let shared = Arc::clone(self);
                self.control.spawn(Box::pin(async move {
                    tokio::time::sleep(time).await;
                    shared.retries.ready(due, None);
                }));
            }
            (Delay::Turn, Some(rate)) if let Some(place) = rate.enter(due.item.1.hash()) => {
                self.limited(due, place);
            }
            (Delay::Turn, _) => {
                self.retries.add(false);
                due.entered = true;
                self.retries.ready(due, None);
            }
        }
    }

    /// An item waits for its place by the rate.
    fn limited(self: &Arc<Self>, due: Due<ItemAgain<W>>, place: Place) {
        self.retries.add(true);
        let shared = Arc::clone(self);
        self.control.spawn(Box::pin(async move {
            place.comes().await;
            shared.retries.ready(due, Some(place));
        }));
    }

    /// Of the items that are due, as `poll` gives them, the first whose call may begin now. What has to wait longer, for
    /// its rate has become slower or all places were taken, does so.
    #[inline(never)]
    pub(crate) fn entered(
        self: &Arc<Self>,
        mut poll: impl FnMut() -> Poll<Option<Waited<ItemAgain<W>>>>,
    ) -> Poll<Option<Due<ItemAgain<W>>>> {
        loop {
            match ready!(poll()) {
                Some((due, Some(mut place))) => {
                    if place.enter() {
                        let entered = true;
                        return Poll::Ready(Some(Due { entered, ..due }));
                    }
                    self.limited(due, place);
                    self.retries.resolved();
                }
                due => return Poll::Ready(due.map(|(due, _)| due)),
            }
        }
    }

    /// Whether items may wait for others whose attempts wait.
    pub(crate) fn has_heads(&self) -> bool {
        self.opts.ordered && self.opts.single()
    }

    /// An item is resolved that others may have waited for.
    pub(crate) fn moved_on(&self) {
        if self.has_heads() {
            self.retries.moved_on();
        }
    }

    /// Whether so many items wait for the group's rate that it takes no more: it would not call any sooner.
    #[cold]
    pub(crate) fn is_limited(&self) -> bool {
        self.opts
            .rate
            .as_ref()
            .is_some_and(|rate| self.retries.is_full(self.crew.permits().max(rate.ahead())))
    }

    /// The span that the group's workers run in.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(
            "stage",
            name = &*self.main().path,
            id = %self.main().id
        )
    }

    /// A thread that cannot be had at the start stops the pipeline.
    #[cold]
    pub(crate) fn cannot_start(&self, error: io::Error) {
        self.stop(Stop::NoThread {
            stage: self.main().path.clone().into(),
            error,
        });
    }

    /// One that cannot be had later is done without.
    #[cold]
    pub(crate) fn cannot_grow(&self, made: usize, error: &io::Error) {
        tracing::warn!(
            stage = &*self.main().path,
            threads = made,
            count = self.crew.permits(),
            %error,
            "no more threads can be had; the stage goes on with those it has"
        );
    }

    /// So many may work from now on; whether the group has not ended.
    pub(crate) fn permit(&self, count: usize) -> bool {
        self.feed.workers(count);
        self.allow(count)
    }

    /// The same where as many workers take items as before.
    pub(crate) fn allow(&self, count: usize) -> bool {
        let goes_on = self.crew.permit(count);
        if goes_on {
            self.edge.recount(|| self.crew.permits());
        }
        goes_on
    }

    /// The pipeline cannot go on, because of this group.
    #[cold]
    pub(crate) fn stop(&self, why: Stop) {
        self.reporter
            .stop(Failure::stopped(self.main().clone(), why));
    }

    /// Makes up for deferred wake-ups whose worker went on into a call that takes long.
    pub(crate) async fn make_up(self: Arc<Self>) {
        loop {
            self.deferred.notified().await;
            tokio::time::sleep(DEFERRED_AT_MOST).await;
            self.edge.wake_taker();
        }
    }

    /// Notes what work has had of a processor, where that was measured.
    #[inline]
    pub(crate) fn probed(&self, probe: Option<Probe>) {
        if let Some(Probe { cpu, items }) = probe {
            self.timing.cpu.add(cpu, items);
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally::of(self.opts.stages.len(), self.opts.arms)
    }

    /// A worker begins.
    pub(crate) fn join(self: &Arc<Self>) -> Worker<W> {
        self.crew.join();
        self.timing.begin();
        Worker {
            shared: Arc::clone(self),
            finished: false,
            resigned: false,
        }
    }
}

/// A worker's part in its group, until it is dropped.
pub(crate) struct Worker<W: Wiring> {
    pub(crate) shared: Arc<Shared<W>>,
    finished: bool,
    resigned: bool,
}

impl<W: Wiring> Worker<W> {
    /// There is nothing more to do for it, or it is not counted any more if it has `resigned`.
    pub(crate) fn finish(mut self, resigned: bool) {
        self.finished = true;
        self.resigned = resigned;
    }

    /// It has not begun, and never will.
    #[cold]
    pub(crate) fn withdraw(mut self) {
        self.finished = true;
        self.resigned = true;
        if self.shared.crew.withdraw() {
            self.shared.edge.end();
        }
    }
}

impl<W: Wiring> Drop for Worker<W> {
    fn drop(&mut self) {
        let shared = &self.shared;
        if !self.finished && !shared.control.stopped() {
            // Nobody may take a lost worker for a clean end.
            let stage = shared.main().path.clone().into();
            shared.stop(Stop::Worker { stage });
        }
        if !self.resigned && shared.crew.leave() {
            shared.edge.end();
            let _ = shared.timing.ended.set(Instant::now());
            if let Some(ticker) = shared.ticker.get() {
                ticker.abort();
            }
        }
    }
}
