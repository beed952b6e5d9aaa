//! Starting, draining and stopping everything that belongs to one pipeline.

mod beside;
mod ending;
mod threads;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{Instrument as _, Span};

use self::ending::Kept;
pub(crate) use self::ending::{Ending, Phase};
use self::threads::Threads;
use crate::bounds::BoxFuture;
use crate::latest::{LatestFailures, Onlooker};
use crate::run::context::{Call, has_timers, within};
use crate::run::idle::Idle;
use crate::run::links::Links;
use crate::run::paused::{Clock, LetGo, Parker};

/// How long the end waits for side lines that nothing waits for otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How long those who have cancelled tasks wait for them to be gone.
pub(crate) const CLEAN_UP: Duration = Duration::from_millis(100);

/// What can be told that nobody wants more.
pub(crate) trait Close: Send + Sync {
    fn close(&self);
}

impl<T: Send> Close for crate::flow::edge::Edge<T> {
    fn close(&self) {
        crate::flow::edge::Edge::close(self);
    }
}

/// What can be told that nothing more is to come in.
pub(crate) trait Drain: Close {
    /// What was taken is still processed.
    fn drain(&self);

    /// Whether it takes from a link, which ends by itself.
    fn is_link(&self) -> bool {
        false
    }

    /// Nothing is to come in for now, or again.
    fn pause(&self, paused: bool);
}

/// Failures, until the errors end has them or they are let go.
pub(crate) struct Unsent(Arc<Control>, usize);

impl Unsent {
    pub(crate) fn new(control: &Arc<Control>, count: usize) -> Self {
        control.unsent.send_modify(|unsent| *unsent += count);
        Self(Arc::clone(control), count)
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.0.unsent.send_modify(|unsent| *unsent -= self.1);
    }
}

#[derive(Default)]
pub(crate) struct Control {
    /// Edges, crews, and those that wait to be tried again.
    closes: Mutex<Vec<Arc<dyn Close>>>,
    sources: Mutex<Vec<Arc<dyn Drain>>>,
    /// What belongs to the workers, and is not to wait for them.
    last: Mutex<Vec<Weak<dyn Close>>>,
    /// Pipelines that are inputs of this one, and the one that this is an input of.
    inner: Mutex<Vec<Arc<Control>>>,
    /// Side lines that nothing waits for.
    beside: Mutex<Vec<Arc<Control>>>,
    tasks: Mutex<JoinSet<()>>,
    threads: Arc<Threads>,
    stopping: Notify,
    paused: AtomicBool,
    stopped: AtomicBool,
    aborted: AtomicBool,
    phase: watch::Sender<Phase>,
    /// How many run of what outlives the stages: what tells queues of deliveries.
    keepers: Arc<watch::Sender<usize>>,
    keeping: Mutex<Vec<AbortHandle>>,
    /// How many failures are on their way to the errors end.
    unsent: watch::Sender<usize>,
    runtime: OnceLock<Handle>,
    idle: Arc<Idle>,
    links: Links,
    onlooker: Onlooker,
    timers: OnceLock<bool>,
    /// The runtime's clock, if it was paused when it was first asked for: by a thread, or by an input whose items have
    /// leases.
    clock: OnceLock<Option<Clock>>,
    /// Who holds it.
    parkers: Mutex<Vec<Weak<Parker>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Control {
    /// `what` is closed by a stop.
    pub(crate) fn closes(&self, what: Arc<dyn Close>) {
        lock(&self.closes).push(what);
    }

    pub(crate) fn add_source(&self, source: Arc<dyn Drain>) {
        lock(&self.sources).push(source);
    }

    /// `what` is closed when everything else has been told to stop, if it is still there.
    pub(crate) fn close_last(&self, what: Weak<dyn Close>) {
        lock(&self.last).push(what);
    }

    pub(crate) fn adopt(&self, inner: Arc<Control>) {
        inner.idle.within(&self.idle);
        self.links.extend(inner.links.all());
        self.onlooker.share(&inner.onlooker);
        lock(&self.inner).push(inner);
    }

    /// Somebody looks on, here and at the inputs, at what fails.
    pub(crate) fn look_on(&self) -> LatestFailures {
        let latest = self.onlooker.begin();
        self.share_onlooker();
        latest
    }

    fn share_onlooker(&self) {
        let inner = lock(&self.inner).clone();
        for inner in inner {
            self.onlooker.share(&inner.onlooker);
            inner.share_onlooker();
        }
    }

    /// Who looks on, if anybody does.
    pub(crate) fn onlooker(&self) -> Option<LatestFailures> {
        self.onlooker.look()
    }

    /// Who keeps items back.
    pub(crate) fn idle(&self) -> &Arc<Idle> {
        &self.idle
    }

    /// What it takes from and drives into that other pipelines have the other end of.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Everything will run in the runtime that `call` is polled in.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub(crate) fn enter(&self, call: Call) {
        self.run_in(&call.runtime());
    }

    fn run_in(&self, runtime: &Handle) {
        let runtime = self.runtime.get_or_init(|| runtime.clone());
        for other in self.others() {
            other.run_in(runtime);
        }
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.get().expect("set before anything is started")
    }

    /// Whether the runtime has timers.
    pub(crate) fn timers(&self) -> bool {
        *self.timers.get_or_init(|| has_timers(self.runtime()))
    }

    /// The output of `future`, unless it takes longer.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    pub(crate) async fn within<F: Future>(&self, after: Duration, future: F) -> Option<F::Output> {
        within(after, self.runtime(), self.timers(), future).await
    }

    fn clock(&self) -> Option<&Clock> {
        let clock = self.clock.get_or_init(|| Clock::paused(self.runtime()));
        clock.as_ref()
    }

    /// Whether time is virtual: then nothing is left to the blocking pool, which holds the clock for as long as a call
    /// takes, nor to timers that make up for what a thread did not do.
    pub(crate) fn time_is_virtual(&self) -> bool {
        self.clock().is_some()
    }

    /// For a thread that is about to start: what holds a paused clock while it works, but for no longer than `timeout`
    /// of real time.
    pub(crate) fn parker(&self, who: &str, timeout: Option<Duration>) -> Option<Arc<Parker>> {
        let parker = Parker::new(self.clock()?.clone(), who, timeout);
        lock(&self.parkers).push(Arc::downgrade(&parker));
        if self.stopped() {
            parker.let_go();
        }
        Some(parker)
    }

    /// Tasks are boxed, here and below, so that what a runtime does with one is compiled once, and not in the user's
    /// crate for each stage.
    pub(crate) fn spawn(&self, task: BoxFuture<'static, ()>) -> AbortHandle {
        self.spawn_in(Span::none(), task)
    }

    /// The same in a span.
    pub(crate) fn spawn_in(&self, span: Span, task: BoxFuture<'static, ()>) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        // Those that have ended are forgotten: there may be one for each item.
        while tasks.try_join_next().is_some() {}
        let handle = tasks.spawn_on(task.instrument(span), self.runtime());
        drop(tasks);
        if self.stopped() {
            handle.abort();
        }
        handle
    }

    /// Runs one of any number of short tasks that may begin after the stages have ended; the end of the run waits for it.
    pub(crate) fn keep_passing(self: &Arc<Self>, task: BoxFuture<'static, ()>) {
        lock(&self.keeping).retain(|keeper| !keeper.is_finished());
        self.keep(|_ending| task);
    }

    /// Runs what goes on after the stages have ended, until it ends by itself.
    pub(crate) fn keep(self: &Arc<Self>, keeper: impl FnOnce(Ending) -> BoxFuture<'static, ()>) {
        let kept = Kept::new(&self.keepers);
        let keeper = keeper(Ending::new(self.phase.subscribe(), kept.clone()));
        let task = self.runtime().spawn(async move {
            let _kept = kept;
            keeper.await;
        });
        lock(&self.keeping).push(task.abort_handle());
    }

    /// No stage runs any more: waits until the keepers have ended too.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn kept(&self) {
        if self.stopped() {
            self.phase.send_modify(Phase::end);
        }
        let mut keepers = self.keepers.subscribe();
        // An error would mean that there is no sender, which `self` has.
        let _ = keepers.wait_for(|keepers| *keepers == 0).await;
        let inner = lock(&self.inner).clone();
        for inner in inner {
            Box::pin(inner.kept()).await;
        }
    }

    /// How many failures are on their way to the errors end.
    pub(crate) fn unsent(&self) -> usize {
        *self.unsent.borrow()
    }

    /// Waits until the errors end has what failed. At a stop that is let go, while there is who tells its queue.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn sent(&self) {
        let mut unsent = self.unsent.subscribe();
        // An error would mean that there is no sender, which `self` has.
        let _ = unsent.wait_for(|unsent| *unsent == 0).await;
        let inner = lock(&self.inner).clone();
        for inner in inner {
            Box::pin(inner.sent()).await;
        }
    }

    /// There is no more time for the keepers.
    pub(crate) fn abandon_keepers(&self) {
        for keeper in lock(&self.keeping).iter() {
            keeper.abort();
        }
        for inner in lock(&self.inner).iter() {
            inner.abandon_keepers();
        }
    }

    /// Runs `work` on a thread of its own, in the context of the runtime; `parker` is what it parks by.
    pub(crate) fn spawn_thread(
        &self,
        name: String,
        parker: Option<Arc<Parker>>,
        work: Box<dyn FnOnce() + Send>,
    ) -> std::io::Result<()> {
        let parker = LetGo(parker);
        self.threads
            .spawn(self.runtime().clone(), name, parker, work)
    }

    pub(crate) fn stopped(&self) -> bool {
        // Acquire: who sees it also sees whether it is an abort. Who is about to wait, or to start a task, and does not
        // see it yet, is told after the swap: by `stopping`, or under the lock of what is told to stop.
        self.stopped.load(Ordering::Acquire)
    }

    /// Sources stop; everything that they had taken is processed.
    pub(crate) fn drain(&self) {
        for source in lock(&self.sources).iter() {
            source.drain();
        }
        for inner in lock(&self.inner).iter() {
            inner.drain();
        }
    }

    /// The same, but what comes through links is still taken, until they end.
    pub(crate) fn drain_outside(&self) {
        let sources = lock(&self.sources).clone();
        for source in sources.iter().filter(|source| !source.is_link()) {
            source.drain();
        }
        let inner = lock(&self.inner).clone();
        for inner in inner {
            inner.drain_outside();
        }
    }

    /// Sources take nothing in, or do again. Everything that they had taken is processed.
    pub(crate) fn pause(&self, paused: bool) {
        // SeqCst, as below: of two callers the one who stores later, or sees what the other has stored, tells sources last.
        self.paused.store(paused, Ordering::SeqCst);
        loop {
            let paused = self.paused();
            // Told without the lock: code of a user's may run.
            let sources = lock(&self.sources).clone();
            for source in sources {
                source.pause(paused);
            }
            let inner = lock(&self.inner).clone();
            for inner in inner {
                inner.pause(paused);
            }
            if self.paused() == paused {
                break;
            }
        }
    }

    pub(crate) fn paused(&self) -> bool {
        // SeqCst: see `pause`.
        self.paused.load(Ordering::SeqCst)
    }

    /// Everything stops: nothing more is taken, async work is cancelled, blocking calls are left to return.
    pub(crate) fn stop(&self) {
        let phase = if self.aborted() {
            Phase::Aborted
        } else {
            Phase::Stopped
        };
        self.phase.send_if_modified(|now| {
            let later = matches!(
                (*now, phase),
                (Phase::Running, _) | (Phase::Stopped, Phase::Aborted)
            );
            if later {
                *now = phase;
            }
            later
        });
        // AcqRel: see `stopped`; one caller of several goes on.
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        for source in lock(&self.sources).iter() {
            source.close();
        }
        for edge in lock(&self.closes).iter() {
            edge.close();
        }
        lock(&self.tasks).abort_all();
        for parker in lock(&self.parkers).drain(..) {
            parker.upgrade().inspect(|parker| parker.let_go());
        }
        self.stopping.notify_waiters();
        for other in self.others() {
            other.stop();
        }
        let last = std::mem::take(&mut *lock(&self.last));
        last.iter()
            .filter_map(Weak::upgrade)
            .for_each(|last| last.close());
    }

    /// Waits until everything is told to stop.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until_stopped(&self) {
        let stopping = self.stopping.notified();
        if !self.stopped() {
            stopping.await;
        }
    }

    /// The same, and blocking calls are not waited for.
    pub(crate) fn abort(&self) {
        // Relaxed: the swap in `stop` orders it.
        self.aborted.store(true, Ordering::Relaxed);
        self.stop();
    }

    pub(crate) fn aborted(&self) -> bool {
        // Relaxed: asked by who has aborted it, or has waited until it had ended.
        self.aborted.load(Ordering::Relaxed)
    }

    /// Whether nothing of it runs any more: no task, no thread, nor who outlives them.
    pub(crate) fn is_over(&self) -> bool {
        let mut tasks = lock(&self.tasks);
        // As in `spawn`: who waits for them is woken by the end of each.
        while tasks.try_join_next().is_some() {}
        let is_over = tasks.is_empty();
        drop(tasks);
        is_over
            && self.threads.running().is_empty()
            && self.unsent() == 0
            && *self.keepers.borrow() == 0
            && self.others().iter().all(|other| other.is_over())
    }

    /// Waits until every task has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn tasks_ended(&self) {
        std::future::poll_fn(|cx| {
            loop {
                // A panicked worker has stopped the pipeline in its drop guard already.
                match lock(&self.tasks).poll_join_next(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        let inner = lock(&self.inner).clone();
        for inner in inner {
            Box::pin(inner.tasks_ended()).await;
        }
    }

    /// Waits until every thread has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn threads_ended(&self) {
        self.threads.ended().await;
        let inner = lock(&self.inner).clone();
        for inner in inner {
            Box::pin(inner.threads_ended()).await;
        }
    }

    /// What is started and stopped with it: its inputs and its side lines.
    fn others(&self) -> Vec<Arc<Control>> {
        let (inner, beside) = (lock(&self.inner).clone(), lock(&self.beside).clone());
        inner.into_iter().chain(beside).collect()
    }

    /// The names of the threads that have not ended.
    pub(crate) fn threads(&self) -> Vec<String> {
        let mut names = self.threads.running();
        for other in self.others() {
            names.extend(other.threads());
        }
        names
    }
}
