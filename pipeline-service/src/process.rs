//! A process, as it is declared.

use std::fmt;
use std::future::Future;

use pipeline_runtime::Name;

use crate::context::Context;
use crate::lease::Leader;
use crate::restart::Restart;
use crate::schedule::{IsSchedule, Schedule, ScheduleError};
use crate::work::{IsProcess, Outcome, Stopping, Work, by, by_async, by_task};

/// A process of which it is not said yet what it does.
#[derive(Debug)]
pub struct Unset(());

/// A process of a service, while it is declared.
///
/// What it does is said once, by [`pipeline`](Self::pipeline), [`pipeline_async`](Self::pipeline_async) or
/// [`task`](Self::task); the other methods may come before or after.
#[must_use = "it is what the closure of `Service::process` returns"]
pub struct Process<S, W = Work<S>> {
    pub(crate) name: Name,
    pub(crate) restart: Restart,
    pub(crate) after: Vec<Name>,
    pub(crate) waits_at_start: bool,
    pub(crate) schedule: Option<Result<Schedule, ScheduleError>>,
    pub(crate) leader: Option<Leader>,
    pub(crate) work: W,
    state: std::marker::PhantomData<fn(S)>,
}

impl<S, W> fmt::Debug for Process<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("restart", &self.restart)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

impl<S> Process<S, Unset> {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            restart: Restart::default(),
            after: Vec::new(),
            waits_at_start: false,
            schedule: None,
            leader: None,
            work: Unset(()),
            state: std::marker::PhantomData,
        }
    }
}

impl<S, W> Process<S, W> {
    /// When it is made again. The default is [`Restart::on_failure`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// It runs at the ticks of this schedule, and not all the time. What `Schedule::cron` says of a pattern that is wrong is an
    /// error at the start of the service.
    pub fn on(mut self, schedule: impl IsSchedule) -> Self {
        self.schedule = Some(schedule.schedule());
        self
    }

    /// It runs only where this instance of the program leads; else it is [on standby](crate::State::Standby). The lease is
    /// given up when the process ends, and is stopped, not when it waits to be made again.
    pub fn led_by(mut self, leader: &Leader) -> Self {
        self.leader = Some(leader.clone());
        self
    }

    /// It starts after that one, and is made again only when that one is there, if that is to be made again, too. It does not
    /// matter for how they stop: that is the order of the data.
    pub fn after(mut self, process: impl Into<Name>) -> Self {
        self.after.push(process.into());
        self
    }

    /// A factory that fails at the first start does not stop the service: it is tried again as after a failure.
    pub fn wait_at_start(mut self) -> Self {
        self.waits_at_start = true;
        self
    }
}

impl<S: Send + Sync + 'static> Process<S, Unset> {
    fn with(self, work: Work<S>) -> Process<S> {
        Process {
            name: self.name,
            restart: self.restart,
            after: self.after,
            waits_at_start: self.waits_at_start,
            schedule: self.schedule,
            leader: self.leader,
            work,
            state: self.state,
        }
    }

    /// What it does: the pipeline that `factory` makes, called anew for every run. A panic of it is a failure of the run.
    pub fn pipeline<F, P>(self, factory: F) -> Process<S>
    where
        F: Fn(&Context<S>) -> P + Send + Sync + 'static,
        P: IsProcess,
    {
        self.with(Work(by(factory)))
    }

    /// The same where the factory has something to wait for: a connection, say.
    pub fn pipeline_async<F, Fut>(self, factory: F) -> Process<S>
    where
        F: Fn(Context<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IsProcess> + Send + 'static,
    {
        self.with(Work(by_async(factory)))
    }

    /// A task instead of a pipeline: a server, say. It is to return soon after it is told to; what is left of it at the
    /// deadline is dropped.
    pub fn task<F, Fut>(self, task: F) -> Process<S>
    where
        F: Fn(Context<S>, Stopping) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.with(Work(by_task(task)))
    }
}
