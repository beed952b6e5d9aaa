//! A pipeline that runs.

mod looking;
mod report;
#[cfg(test)]
pub(crate) use report::rows_of;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt as _;

use crate::bounds::BoxFuture;
use crate::budget::Budget;
use crate::errors::{Stopped, Verdict};
use crate::failure::{Cause, Failure, NotDrained, StageInfo, Stop};
use crate::find::{FindStageError, find};
use crate::graph::{Ended, Graph, Group, Listing};
use crate::journal::RunningTask;
use crate::measure::cpu;
use crate::measure::report::Report;
use crate::run::context::Call;
use crate::run::control::{CLEAN_UP, Control, GRACE};
use crate::run::idle::Idle;

/// What can be asked of a run, whatever its task.
pub(crate) struct Watched {
    pub(crate) control: Arc<Control>,
    pub(crate) groups: Vec<Group>,
    /// The pipeline's own input, which what stops all of it is told of.
    source: StageInfo,
    open: Vec<Listing>,
    budgets: Vec<Budget>,
    /// What is told why it is stopped, while anybody can ask for it.
    verdict: Weak<dyn Stopped>,
    pub(crate) started: OnceLock<Moment>,
    pub(crate) ended: OnceLock<Moment>,
}

/// When something was, and what the process had had of processors by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Instant,
    cpu: Option<Duration>,
}

impl Moment {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            cpu: cpu::of_process(),
        }
    }

    fn cpu_since(&self, earlier: &Self) -> Option<Duration> {
        Some(self.cpu?.saturating_sub(earlier.cpu?))
    }
}

/// A run and its failures.
pub(crate) struct Live<Task> {
    watched: Arc<Watched>,
    verdict: Arc<Verdict<Task>>,
    /// What it starts by.
    call: Call,
    /// What was returned to the first who asked.
    told: Mutex<Option<Result<(), (StageInfo, String)>>>,
}

impl<Task: Send + 'static> Live<Task> {
    pub(crate) fn new(graph: &Graph, verdict: Arc<Verdict<Task>>, call: Call) -> Self {
        let mut build = graph.lock();
        let watched = Watched {
            control: Arc::clone(&build.control),
            groups: std::mem::take(&mut build.groups),
            source: build.source.clone().unwrap_or_default(),
            open: std::mem::take(&mut build.open),
            budgets: build.budgets.clone(),
            verdict: Arc::downgrade(&verdict) as Weak<dyn Stopped>,
            started: OnceLock::new(),
            ended: OnceLock::new(),
        };
        Self {
            watched: Arc::new(watched),
            verdict,
            call,
            told: Mutex::new(None),
        }
    }

    /// Where it is known who keeps items until the input ends.
    pub(crate) fn idle(&self) -> &Arc<Idle> {
        self.watched.control.idle()
    }

    /// Starts everything, or nothing if a number is wrong or the runtime lacks something.
    #[track_caller]
    pub(crate) fn start(&self, graph: &Graph) {
        let (build, control) = (graph.take(), &self.watched.control);
        control.enter(self.call);
        let _ = self.watched.started.set(Moment::now());
        if let Some(invalid) = build.invalid {
            self.verdict.stop(invalid.map_task(|()| None));
            return;
        }
        if let Some(needs) = &build.timer
            && !control.timers()
        {
            let stage = needs.stage.as_ref().unwrap_or(&self.watched.source).clone();
            let what = needs.what;
            self.verdict
                .stop(Failure::stopped(stage, Stop::NoTimer { what }));
            return;
        }
        for start in build.starts {
            start(control);
        }
    }

    /// Waits until nothing runs any more; how it went.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn finished(&self) -> Result<Report, Failure<Task>> {
        self.ended().await;
        self.outcome()
    }

    /// Waits until no stage runs any more; whether nothing has failed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn succeeded(&self) -> bool {
        self.watched.control.tasks_ended().await;
        if !self.watched.control.aborted() {
            self.watched.control.threads_ended().await;
        }
        // Of those that failed last it may still say that it takes nothing more.
        self.watched.control.sent().await;
        !self.verdict.failed()
    }

    /// Waits until nothing runs any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn ended(&self) {
        self.succeeded().await;
        self.watched.control.beside_ended(GRACE).await;
        self.watched.control.kept().await;
        let _ = self.watched.ended.set(Moment::now());
    }

    fn outcome(&self) -> Result<Report, Failure<Task>> {
        let report = self.watched.report();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failure = match &*told {
            Some(Ok(())) => return Ok(report),
            // The failure itself went to the first who asked.
            Some(Err((stage, why))) => Failure::stopped(stage.clone(), Stop::Told(why.clone())),
            None => match self.verdict.take() {
                None => {
                    *told = Some(Ok(()));
                    return Ok(report);
                }
                Some(failure) => {
                    let why = match failure.cause() {
                        Cause::Stopped(why) => why.to_string(),
                        cause => cause.to_string(),
                    };
                    *told = Some(Err((failure.stage().clone(), why)));
                    failure
                }
            },
        };
        failure.0.report = Some(report);
        Err(failure)
    }

    fn stopped(&self, why: Stop) {
        let stage = self.watched.source.clone();
        self.verdict.stop(Failure::stopped(stage, why));
    }

    /// Nobody waits for it any more.
    pub(crate) fn abandon(&self) {
        self.watched.control.abort();
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.watched))
    }
}

/// Report and control of a pipeline that runs or has run.
#[derive(Clone)]
pub struct Handle(Arc<Watched>);

impl Handle {
    /// The report so far, its counts all taken at one instant; once the pipeline has ended, it no longer changes.
    #[must_use]
    pub fn report(&self) -> Report {
        self.0.report()
    }

    /// Takes nothing more in, until [`resume`](Self::resume). Returns at once, also while stages are blocked; what was taken
    /// goes on and comes to its end. Done again it changes nothing.
    ///
    /// A queue is not asked any more, and a call that waits for messages is dropped; messages that no stage has begun with
    /// go back to it, for others to take, unless that would count as a delivery. A read of another source that is under way
    /// is left as it is, and goes on later. What a feedback loop brings is taken.
    ///
    /// While it is paused the pipeline does not end by itself, if its sources have not. It can be drained and aborted.
    /// Stages alone that are run where they are polled take up to 64 items more.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn f(handle: pipeline_runtime::Handle) {
    /// handle.pause();
    /// // The database is moved.
    /// handle.resume();
    /// # }
    /// ```
    pub fn pause(&self) {
        self.0.control.pause(true);
    }

    /// Takes items in again after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.control.pause(false);
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.control.paused()
    }

    /// The tasks that are under way in a pipeline with a journal, the oldest first: how far each is, and how long ago it
    /// was opened. Empty without a journal, where nothing tells one item from another.
    ///
    /// A task is under way from its `push_task` until its item is done or acknowledged, or what becomes of its failure is
    /// decided.
    #[must_use]
    pub fn tasks(&self) -> Vec<RunningTask> {
        self.0.open.iter().flat_map(|list| list()).collect()
    }
}

/// Why the count of a stage was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetCountError {
    /// No stage has that name, or several have.
    #[error(transparent)]
    Find(#[from] FindStageError),
    /// The stage has no workers of its own, or a fixed number of them.
    #[error(
        "the count of `{stage}` cannot change; that of `:block`, `:async`, `:drive` and of a bare count can"
    )]
    Fixed {
        /// Its path, or the end of it, as it was asked for.
        stage: String,
    },
    /// The stage has processed everything, or the pipeline was stopped.
    #[error("`{stage}` has ended; a count can change while there are items to come")]
    Ended {
        /// Its path, or the end of it, as it was asked for.
        stage: String,
    },
    /// A count of 0 would never run.
    #[error("a count of 0 for `{stage}`; a count is at least 1")]
    Zero {
        /// Its path, or the end of it, as it was asked for.
        stage: String,
    },
}

impl Handle {
    /// Lets up to `count` items be processed at the same time by a stage; of `:drive` these are writes. The stage is known
    /// by its path, or by the end of it where no other path ends so: `lower` for `words/lower`.
    ///
    /// Threads and tasks are made as they are needed, and wait idle until the end when the count falls.
    ///
    /// The stage's window is not changed where it is written, and still bounds what it holds; an automatic bound grows to
    /// at least twice the count. Where the system gives no more threads, the stage goes on with those it has, and that is
    /// logged.
    ///
    /// More take effect at once, though all calls that run may hang; fewer when calls that run end.
    ///
    /// # Errors
    ///
    /// There is no stage of that name, or there are several, its count is fixed (it shares the workers of another
    /// stage, or is a source or a `batch`), it has ended, or `count` is 0.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn f(handle: pipeline_runtime::Handle) {
    /// use pipeline_runtime::SetCountError;
    ///
    /// match handle.set_count("fetch", 64) {
    ///     Ok(()) | Err(SetCountError::Ended { .. }) => {}
    ///     Err(error) => panic!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn set_count(&self, stage: &str, count: usize) -> Result<(), SetCountError> {
        let named = || stage.to_owned();
        if count == 0 {
            return Err(SetCountError::Zero { stage: named() });
        }
        let stages = self.0.groups.iter().flat_map(|group| {
            let stages = group.stages.iter().enumerate();
            stages.map(move |(row, stage)| (group, row, stage))
        });
        let (group, row, _) = find(stages, |(.., stage)| &stage.path, stage)?;
        let resize = group.resize.as_ref().filter(|_| row == group.main);
        let Some(resize) = resize else {
            return Err(SetCountError::Fixed { stage: named() });
        };
        let set = resize.upgrade().map(|group| group.set(count));
        match set {
            Some(Ok(())) => Ok(()),
            Some(Err(Ended)) | None => Err(SetCountError::Ended { stage: named() }),
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// A driven pipeline in the background.
///
/// Awaiting it waits for its end, as [`Pipeline::run`](crate::Pipeline::run) does. Dropping it aborts it.
#[must_use = "dropping it aborts the pipeline"]
pub struct Running<Task = ()>
where
    Task: Send + 'static,
{
    live: Arc<Live<Task>>,
    /// Never locked: the mutex makes it `Sync`, so that several tasks can share what drains it.
    end: Mutex<BoxFuture<'static, Result<Report, Failure<Task>>>>,
}

impl<Task: Send + 'static> Running<Task> {
    pub(crate) fn new(live: Live<Task>) -> Self {
        let live = Arc::new(live);
        let waiting = Arc::clone(&live);
        Self {
            live,
            end: Mutex::new(Box::pin(async move { waiting.finished().await })),
        }
    }

    #[track_caller]
    pub(crate) fn start(&self, graph: &Graph) {
        self.live.start(graph);
    }

    /// The report so far, its counts all taken at one instant.
    #[must_use]
    pub fn report(&self) -> Report {
        self.live.watched.report()
    }

    /// Takes nothing more in, until [`resume`](Self::resume): see [`Handle::pause`].
    pub fn pause(&self) {
        self.handle().pause();
    }

    /// Takes items in again.
    pub fn resume(&self) {
        self.handle().resume();
    }

    /// For report and control elsewhere.
    pub fn handle(&self) -> Handle {
        self.live.handle()
    }

    /// Stops the sources, lets every stage finish in order what was taken, flushes the sinks, and waits for all of it.
    ///
    /// It may be called again, by several callers, and after the end.
    ///
    /// # Errors
    ///
    /// What [`Pipeline::run`](crate::Pipeline::run) returns; a cause `Stopped` that names each stuck stage and how many
    /// items it kept, if the deadline passes first: then the pipeline is aborted.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the sources stay stopped.
    pub async fn drain(&self, deadline: Duration) -> Result<Report, Failure<Task>> {
        self.live.watched.control.drain();
        self.ends_within(deadline).await
    }

    /// Its sources are stopped: waits for its end, and aborts it at the deadline.
    async fn ends_within(&self, deadline: Duration) -> Result<Report, Failure<Task>> {
        let control = &self.live.watched.control;
        let begun = tokio::time::Instant::now();
        let left = || deadline.saturating_sub(begun.elapsed());
        if control
            .within(deadline, self.live.succeeded())
            .await
            .is_some()
        {
            control.beside_ended(GRACE.min(left())).await;
            let rest = left().max(CLEAN_UP);
            if let Some(ended) = control.within(rest, self.live.finished()).await {
                return ended;
            }
        }
        let kept = NotDrained::new(deadline, self.live.watched.kept());
        self.live.stopped(Stop::NotDrained(kept));
        self.live.abandon();
        // Async work is cancelled at once; a task in the middle of a user's call is not waited for.
        control.within(CLEAN_UP, self.live.ended()).await;
        control.abandon_keepers();
        self.live.outcome()
    }

    /// As [`drain`](Self::drain), but what comes through [links](crate::link()) is still taken until they end: it has been
    /// taken in elsewhere. Of several pipelines that are joined by links, and are all told so, each ends after those in
    /// front of it, and nothing that any of them had taken is left.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain); also where a link does not end in time, as one that is kept open.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the sources stay stopped.
    pub async fn drain_behind_links(&self, deadline: Duration) -> Result<Report, Failure<Task>> {
        self.live.watched.control.drain_outside();
        self.ends_within(deadline).await
    }

    /// Waits for its end, as awaiting it does, from any number of places.
    ///
    /// # Errors
    ///
    /// What [`Pipeline::run`](crate::Pipeline::run) returns. The failure itself goes to the first who is told, of whatever
    /// he has asked; the others get what it says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&self) -> Result<Report, Failure<Task>> {
        self.live.finished().await
    }

    /// Stops everything at once: async work is cancelled; blocking calls are left to return, and their results are
    /// discarded. Waits for the tasks, not for blocking calls: the report names their threads.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the pipeline is stopped by the first poll.
    pub async fn abort(&self) -> Report {
        // A run that has ended by itself is left as it is.
        let ended = tokio::task::unconstrained(self.live.ended()).now_or_never();
        if ended.is_none() {
            self.live.stopped(Stop::Aborted);
            self.live.abandon();
            self.live.ended().await;
        }
        self.report()
    }
}

impl<Task: Send + 'static> Future for Running<Task> {
    type Output = Result<Report, Failure<Task>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let end = self.end.get_mut().unwrap_or_else(PoisonError::into_inner);
        end.as_mut().poll(cx)
    }
}

impl<Task: Send + 'static> Drop for Running<Task> {
    fn drop(&mut self) {
        self.live.abandon();
    }
}

impl<Task: Send + 'static> std::fmt::Debug for Running<Task> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}
