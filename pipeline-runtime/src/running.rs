//! A pipeline that runs.

mod report;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt as _;

use crate::bounds::BoxFuture;
use crate::build::{Build, Group};
use crate::control::Control;
use crate::errors::Verdict;
use crate::failure::{Cause, Failure, NotDrained, StageInfo, Stop};
use crate::idle::Idle;
use crate::journal::{OpenTasks, RunningTask};
use crate::report::Report;

/// How long a drain past its deadline waits for cancelled tasks to be gone.
const CLEAN_UP: Duration = Duration::from_millis(100);

/// What can be asked of a run, whatever its task.
pub(crate) struct Watched {
    pub(crate) control: Arc<Control>,
    pub(crate) groups: Vec<Group>,
    open: Vec<Arc<OpenTasks>>,
    pub(crate) started: OnceLock<Instant>,
    pub(crate) ended: OnceLock<Instant>,
}

/// A run and its failures.
pub(crate) struct Live<Task> {
    watched: Arc<Watched>,
    verdict: Arc<Verdict<Task>>,
    /// What was returned to the first who asked.
    told: Mutex<Option<Result<(), (StageInfo, String)>>>,
}

impl<Task: Send + 'static> Live<Task> {
    pub(crate) fn new(build: &mut Build, verdict: Arc<Verdict<Task>>) -> Self {
        let watched = Watched {
            control: Arc::clone(&build.control),
            groups: std::mem::take(&mut build.groups),
            open: std::mem::take(&mut build.open),
            started: OnceLock::new(),
            ended: OnceLock::new(),
        };
        Self {
            watched: Arc::new(watched),
            verdict,
            told: Mutex::new(None),
        }
    }

    /// Where it is known who keeps items until the input ends.
    pub(crate) fn idle(&self) -> &Arc<Idle> {
        self.watched.control.idle()
    }

    /// Starts everything, or nothing if a number is wrong.
    pub(crate) fn start(&self, build: Build) {
        let control = &self.watched.control;
        let _ = self.watched.started.set(Instant::now());
        control.enter();
        if let Some(invalid) = build.invalid {
            self.verdict.stop(invalid.map_task(|()| None));
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
        !self.verdict.failed()
    }

    /// Waits until nothing runs any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn ended(&self) {
        self.succeeded().await;
        self.watched.control.kept().await;
        let _ = self.watched.ended.set(Instant::now());
    }

    fn outcome(&self) -> Result<Report, Failure<Task>> {
        let report = self.watched.report();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failure = match &*told {
            Some(Ok(())) => return Ok(report),
            // The failure itself went to the first who asked.
            Some(Err((stage, why))) => Failure::stopped(*stage, Stop::Told(why.clone())),
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
                    *told = Some(Err((*failure.stage(), why)));
                    failure
                }
            },
        };
        failure.0.report = Some(report);
        Err(failure)
    }

    fn stopped(&self, why: Stop) {
        let stage = self.watched.groups[0].stages[0];
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

/// Statistics and report of a pipeline that runs or has run.
#[derive(Clone)]
pub struct Handle(Arc<Watched>);

impl Handle {
    /// A snapshot of the counts, all taken at one instant.
    #[must_use]
    pub fn stats(&self) -> Report {
        self.0.report()
    }

    /// The report: once the pipeline has ended, it no longer changes.
    #[must_use]
    pub fn report(&self) -> Report {
        self.0.report()
    }

    /// The tasks that are under way in a pipeline with a journal, the oldest first: how far each is, and how long ago it
    /// was opened. Empty without a journal, where nothing tells one item from another.
    ///
    /// A task is under way from its `push_task` until its item is done or acknowledged, or what becomes of its failure is
    /// decided.
    #[must_use]
    pub fn tasks(&self) -> Vec<RunningTask> {
        self.0.open.iter().flat_map(|tasks| tasks.list()).collect()
    }
}

/// There is no stage of that name, or its count cannot change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no stage `{stage}` whose count can change; those of `:block`, `:async` and a bare count can"
)]
pub struct UnknownStage {
    /// The name that was asked for.
    pub stage: String,
}

impl Handle {
    /// Lets `count` items (at least 1) be processed at the same time by the stage of that name: threads or tasks are
    /// added, or wait idle. The stage's window is not changed and still bounds what it holds.
    ///
    /// Fewer take effect when calls that run end. More futures of an `:async` stage that is full are started when one
    /// of those in flight ends.
    ///
    /// # Errors
    ///
    /// No `:block`, `:async` or counted stage of that name runs.
    pub fn set_count(&self, stage: &str, count: usize) -> Result<(), UnknownStage> {
        let group = self
            .0
            .groups
            .iter()
            .find(|group| group.main().name == stage);
        let crew = group
            .and_then(|group| group.crew.as_ref())
            .and_then(Weak::upgrade);
        crew.ok_or_else(|| UnknownStage {
            stage: stage.to_owned(),
        })?
        .set(count.max(1));
        Ok(())
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

    pub(crate) fn start(&self, build: Build) {
        self.live.start(build);
    }

    /// A snapshot of the counts, all taken at one instant.
    #[must_use]
    pub fn stats(&self) -> Report {
        self.live.watched.report()
    }

    /// For statistics and report elsewhere.
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
        if let Ok(ended) = tokio::time::timeout(deadline, self.live.finished()).await {
            return ended;
        }
        let kept = NotDrained::new(deadline, self.live.watched.report().kept());
        self.live.stopped(Stop::NotDrained(kept));
        self.live.abandon();
        // Async work is cancelled at once; a task in the middle of a user's call is not waited for.
        let _ = tokio::time::timeout(CLEAN_UP, self.live.ended()).await;
        self.live.watched.control.abandon_keepers();
        self.live.outcome()
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
        self.stats()
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
