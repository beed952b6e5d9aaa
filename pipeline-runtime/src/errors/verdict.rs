//! How a run ends, as far as failures decide that.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::failure::{Failure, SourceError, StageInfo};
use crate::guard;
use crate::named::debug_by_name;
use crate::run::control::Control;
use crate::ticket::Undecided;

/// Where the inputs of a pipeline tell it what ends them.
#[derive(Clone)]
pub struct Relay(pub(crate) Arc<dyn Told>);

/// What a pipeline is told by its inputs.
pub(crate) trait Told: Send + Sync {
    /// One that is a pipeline was stopped by this.
    fn stopped(&self, failure: Failure<()>);

    /// That one cannot go on.
    fn broke(&self, source: StageInfo, error: SourceError);
}

debug_by_name!(Relay);

/// What can be stopped by who knows nothing of its task.
pub(crate) trait Stopped: Send + Sync {
    /// For that reason.
    fn stopped(&self, failure: Failure<()>);
}

impl<Task: Send + 'static> Stopped for Verdict<Task> {
    fn stopped(&self, failure: Failure<()>) {
        self.stop(failure.map_task(|()| None));
    }
}

/// How a run ends. It outlives the workers, the errors end does not: whoever reads failures from a channel sees its
/// end as soon as no worker can report another one.
pub(crate) struct Verdict<Task> {
    pub(super) control: Arc<Control>,
    /// Where the failure that stops the pipeline goes, if it is the input of another one.
    relay: OnceLock<Relay>,
    /// What the run returns, if it fails.
    failure: Mutex<Option<Failure<Task>>>,
}

impl<Task: Send + 'static> Verdict<Task> {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            relay: OnceLock::new(),
            failure: Mutex::new(None),
        }
    }

    pub(crate) fn relay_to(&self, relay: Relay) {
        let _ = self.relay.set(relay);
    }

    /// Keeps the first failure that the run is to return.
    pub(super) fn decide(&self, failure: Failure<Task>) {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let later = match &*first {
            Some(_) => Some(failure),
            None => first.replace(failure),
        };
        // What is the user's is not dropped under the lock.
        drop(first);
        guard::let_go_of(later);
    }

    /// The failure that the run is to return.
    pub(crate) fn take(&self) -> Option<Failure<Task>> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Whether the run is to fail.
    pub(crate) fn failed(&self) -> bool {
        self.control.stopped()
            || self
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_some()
    }

    /// The pipeline cannot go on. Nobody will decide about the failing message: it is given back.
    pub(crate) fn stop(&self, mut failure: Failure<Task>) {
        failure.0.ticket = Undecided::null();
        match self.relay.get() {
            Some(relay) => relay.0.stopped(failure.map_task(|_| None)),
            None => self.decide(failure),
        }
        self.control.stop();
    }
}
