//! A service, as it is declared.

mod checked;
mod order;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::command::INBOX;
use crate::core::Core;
use crate::error::{Invalid, ServiceError};
use crate::everywhere::{AnyStanding, Standing};
use crate::noted::{Noted, OnFailure, log};
use crate::process::{Process, Unset};
use crate::running::RunningService;
use crate::signals::Signals;
use crate::status::Status;
use crate::supervisor::{Declared, Supervisor};

const GRACE: Duration = Duration::from_secs(25);

/// Pipelines that are started, made again, paused and stopped together.
///
/// A *process* is a pipeline that a factory makes for each run. Processes start in the order in which they are declared,
/// each as soon as the one before is spawned. One that fails is made again as its [`Restart`](crate::Restart) says, while
/// the others run on; a [link](pipeline_runtime::link()) that it drives into is kept open meanwhile.
///
/// At a stop every process takes nothing more in from outside; a link ends when those who drive into it have, so the
/// processes end in the order of the data, and nothing that was taken in is left. There is one deadline for all of them, a
/// second before the end of the grace: then what is stuck is aborted, named, and what it held is given back. Processes that
/// drive into links in a ring wait for each other, and are ended by the deadline.
///
/// The service ends when it is stopped, or when all its processes have ended by themselves.
///
/// # Examples
///
/// ```
/// use brigade::prelude::*;
/// use brigade::service::Service;
/// use brigade::{link, queue};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), brigade::service::ServiceError> {
/// struct State {
///     words: queue::Memory<String>,
///     lengths: link::Link<usize>,
///     found: sink::Collected<usize>,
/// }
///
/// let words = queue::memory();
/// for word in ["one", "three"] {
///     words.put(word.to_owned()).await;
/// }
/// let state = State { words, lengths: link(100), found: sink::collect() };
/// let found = state.found.clone();
///
/// Service::new("lengths", state)
///     .process("write", |p| p.pipeline(|cx| pipeline! {
///         [cx.lengths.input()]
///         :drive cx.found.clone(),
///     }))
///     .process("read", |p| p.pipeline(|cx| pipeline! {
///         [cx.words.clone().deliveries().until_idle(), cx.errors(sink::each(|failure: Failure| failure.ack()))]
///         map(|word| word.len()),
///         :drive cx.lengths.sink(),
///     }))
///     .run()
///     .await?;
/// assert_eq!(found.take(), [3, 5]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a service does nothing until it is run or started"]
pub struct Service<S> {
    name: Name,
    state: Arc<S>,
    processes: Vec<Process<S>>,
    grace: Duration,
    clock: Clock,
    on_failure: OnFailure,
    everywhere: Option<Arc<dyn AnyStanding>>,
}

impl<S> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Service<S> {
    /// A service without processes. `state` is what they share: their factories see it through their
    /// [`Context`](crate::Context).
    pub fn new(name: impl Into<Name>, state: S) -> Self {
        Self {
            name: name.into(),
            state: Arc::new(state),
            processes: Vec::new(),
            grace: GRACE,
            clock: Clock::default(),
            on_failure: log(),
            everywhere: None,
        }
    }

    /// One more process, which `declare` says everything of.
    pub fn process(
        mut self,
        name: impl Into<Name>,
        declare: impl FnOnce(Process<S, Unset>) -> Process<S>,
    ) -> Self {
        self.processes.push(declare(Process::new(name.into())));
        self
    }

    /// How long a stop may take. The default is 25 s. A second of it is left to whoever ends the program (half of it, if it is
    /// less than two); after the rest everything is aborted that has not ended.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// What is done with each failure: of items whose errors end is [`Context::errors`](crate::Context::errors), of runs and
    /// of factories. It is called where it fails, and should not take long. The default logs a warning.
    pub fn on_failure(mut self, told: impl Fn(&Noted) + Send + Sync + 'static) -> Self {
        self.on_failure = Arc::new(told);
        self
    }

    /// Follows what all instances of the service are told, by its name, as it is kept in that place: see
    /// [`Control::everywhere`](crate::Control::everywhere). It is read before the processes start; where the place does not
    /// answer within 10 s they start as they are declared, and follow later.
    pub fn everywhere(mut self, place: impl Standing) -> Self {
        self.everywhere = Some(Arc::new(place));
        self
    }

    /// The clock for what a status says. The default is that of the system.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Runs it until SIGTERM, SIGINT (Ctrl-C) or SIGHUP, or until all its processes have ended. A second signal aborts what
    /// has not ended by then.
    ///
    /// With the feature `systemd` a manager that started the program is told when the service is ready and when it stops
    /// (`Type=notify`), and, where its unit has a `WatchdogSec`, that all supervisors answer within a second.
    ///
    /// # Errors
    ///
    /// As [`RunningService::stop`]; and a start that failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the service.
    pub async fn run(self) -> Result<Status, ServiceError> {
        let signals = Signals::listen();
        self.run_while(async |core| obeys(core, signals).await)
            .await
    }

    /// Runs it until `end` is ready, or until all its processes have ended.
    ///
    /// # Errors
    ///
    /// As [`RunningService::stop`]; and a start that failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the service.
    pub async fn run_until(self, end: impl Future) -> Result<Status, ServiceError> {
        let stopping = async |core: Arc<Core>| {
            end.await;
            core.stop();
            std::future::pending().await
        };
        self.run_while(stopping).await
    }

    /// Runs it, whatever else is to be done meanwhile.
    async fn run_while(
        self,
        meanwhile: impl AsyncFnOnce(Arc<Core>) -> Infallible,
    ) -> Result<Status, ServiceError> {
        let (mut running, order) = self.prepared()?;
        let core = running.core();
        #[cfg(feature = "systemd")]
        let systemd = crate::systemd::tells(running.core());
        #[cfg(not(feature = "systemd"))]
        let systemd = std::future::pending::<Infallible>();
        let runs = async {
            running.reads_orders().await;
            running.first_start(&order).await?;
            running.ended().await
        };
        tokio::select! {
            ended = runs => ended,
            never = meanwhile(core) => match never {},
            never = systemd => match never {},
        }
    }

    /// Starts it: returns when the first start of every process is done.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Invalid`] where it is declared wrongly, before anything starts; [`ServiceError::Start`] where a
    /// factory fails, when those that ran have been stopped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts what was started.
    pub async fn start(self) -> Result<RunningService, ServiceError> {
        let (mut running, order) = self.prepared()?;
        running.reads_orders().await;
        running.first_start(&order).await?;
        Ok(running)
    }

    /// All supervisors, none of which has started its process, and the order in which they are to.
    fn prepared(self) -> Result<(RunningService, Vec<usize>), Invalid> {
        let names: Vec<_> = self
            .processes
            .iter()
            .map(|process| process.name.clone())
            .collect();
        let order = checked::order(&self.name, self.grace, &self.processes)?;
        let (senders, inboxes): (Vec<_>, Vec<_>) =
            names.iter().map(|_| mpsc::channel(INBOX)).unzip();
        let of_service = (self.grace, self.clock, self.on_failure);
        let core = Arc::new(Core::new(self.name, names, senders, of_service));
        let mut running = RunningService::new(Arc::clone(&core), self.everywhere);
        for (place, (process, inbox)) in self.processes.into_iter().zip(inboxes).enumerate() {
            let after = process.after.iter();
            let after = after.filter_map(|after| core.names.iter().position(|name| name == after));
            let declared = Declared {
                place,
                makes: process.work.0,
                restart: process.restart,
                after: after.collect(),
                waits_at_start: process.waits_at_start,
                // One that is wrong was refused.
                schedule: process.schedule.and_then(Result::ok),
                leader: process.leader,
            };
            let (core, state) = (Arc::clone(&core), Arc::clone(&self.state));
            running.looks_after(place, Supervisor::new(core, state, declared, inbox).run());
        }
        Ok((running, order))
    }
}

/// The first signal stops the service, the second aborts it.
async fn obeys(core: Arc<Core>, mut signals: Signals) -> Infallible {
    signals.next().await;
    core.stop();
    signals.next().await;
    core.abort();
    std::future::pending().await
}
