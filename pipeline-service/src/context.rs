//! What a factory knows.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use pipeline_runtime::Name;

use crate::control::Control;
use crate::core::Core;
use crate::lease::Lease;
use crate::noting::Noting;
use crate::schedule::Tick;

/// What the factory of a process is given: the state of the service, which it derefs to, and which process and run it is
/// for.
pub struct Context<S> {
    state: Arc<S>,
    core: Arc<Core>,
    place: usize,
    of: Of,
}

/// What a run is for.
#[derive(Clone)]
pub(crate) struct Of {
    pub(crate) run: u64,
    pub(crate) tick: Option<Arc<Tick>>,
    pub(crate) lease: Option<Lease>,
}

impl<S> Context<S> {
    pub(crate) fn new(state: Arc<S>, core: Arc<Core>, place: usize, of: Of) -> Self {
        Self {
            state,
            core,
            place,
            of,
        }
    }

    /// The state of the service.
    #[must_use]
    pub fn state(&self) -> &Arc<S> {
        &self.state
    }

    /// The name of the process.
    #[must_use]
    pub fn process(&self) -> &Name {
        &self.core.names[self.place]
    }

    /// Which run of the process it is, from 0.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.of.run
    }

    /// The tick that the run is for; `None` where the process has no [schedule](crate::Schedule).
    #[must_use]
    pub fn tick(&self) -> Option<&Tick> {
        self.of.tick.as_deref()
    }

    /// The token of the lease that the run has, where its process is [led](crate::Leader): greater than those of all before.
    #[must_use]
    pub fn token(&self) -> Option<u64> {
        self.of.lease.as_ref().map(Lease::token)
    }

    /// The lease that the run has, where its process is [led](crate::Leader): what `fenced` of a table takes, which refuses what
    /// is written under an older one.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        self.of.lease.as_ref()
    }

    /// Commands the processes of the service. A factory that waits for its own process waits for ever.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.core))
    }

    /// An errors end that has each failure noted by the service, and hands it to `end`, an errors end as well, which decides
    /// what becomes of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_runtime::{Failure, sink};
    /// # fn f(cx: &pipeline_service::Context<()>) {
    /// let errors = cx.errors(sink::each(|failure: Failure<String>| failure.ack()));
    /// # let _ = errors;
    /// # }
    /// ```
    pub fn errors<E>(&self, end: E) -> Noting<E> {
        Noting::new(end, Arc::clone(&self.core), self.place, self.of.run)
    }
}

impl<S> Deref for Context<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S> Clone for Context<S> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            core: Arc::clone(&self.core),
            place: self.place,
            of: self.of.clone(),
        }
    }
}

impl<S> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("process", self.process())
            .field("run", &self.of.run)
            .finish_non_exhaustive()
    }
}
