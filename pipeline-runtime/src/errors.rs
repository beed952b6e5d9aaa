//! Where failures go: to the errors end, or, without one, into the result of the run.

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::future::{Either, select};

use crate::bounds::BoxFuture;
use crate::control::Control;
use crate::failure::{Cause, Failure, SourceError, StageInfo};
use crate::sink::Sink;
use crate::ticket::Undecided;

/// Takes the failures of a pipeline's items, and the one that stops it.
pub(crate) trait Reporter<Task>: Send + Sync {
    /// An item failed. Waits while the errors end is full.
    fn report(&self, failure: Failure<Task>) -> BoxFuture<'_, ()>;

    /// The pipeline cannot go on.
    fn stop(&self, failure: Failure<Task>);
}

/// Where a failure of a wired-in pipeline goes.
#[doc(hidden)]
pub struct Relay(pub(crate) Box<dyn Fn(Failure<()>) + Send + Sync>);

/// How a run ends. It outlives the workers, the errors end does not: whoever reads failures from a channel sees its
/// end as soon as no worker can report another one.
pub(crate) struct Verdict<Task> {
    control: Arc<Control>,
    /// Where the failure that stops the pipeline goes, if it is the input of another one.
    relay: OnceLock<Relay>,
    /// What the run returns, if it fails.
    failure: Mutex<Option<Failure<Task>>>,
}

impl<Task: Send + 'static> Verdict<Task> {
    pub(crate) fn relay_to(&self, relay: Relay) {
        let _ = self.relay.set(relay);
    }

    /// Keeps the first failure that the run is to return.
    fn decide(&self, failure: Failure<Task>) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(failure);
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
        failure.ticket = Undecided::null();
        match self.relay.get() {
            Some(relay) => (relay.0)(failure.map_task(|_| None)),
            None => self.decide(failure),
        }
        self.control.stop();
    }
}

/// The failures of one pipeline, as its workers see them.
pub(crate) struct Errors<Task> {
    end: OnceLock<Box<dyn End<Task>>>,
    verdict: Arc<Verdict<Task>>,
}

impl<Task: Send + 'static> Errors<Task> {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        let verdict = Verdict {
            control,
            relay: OnceLock::new(),
            failure: Mutex::new(None),
        };
        Self {
            end: OnceLock::new(),
            verdict: Arc::new(verdict),
        }
    }

    pub(crate) fn set_end(&self, end: impl Sink<Failure<Task>>) {
        let _ = self.end.set(Box::new(end));
    }

    pub(crate) fn verdict(&self) -> Arc<Verdict<Task>> {
        Arc::clone(&self.verdict)
    }

    /// Where a pipeline that is an input of this one tells of the failure that stops it.
    pub(crate) fn relay(self: &Arc<Self>) -> Relay {
        let errors = Arc::clone(self);
        Relay(Box::new(move |failure| {
            errors.stop(failure.map_task(|()| None));
        }))
    }

    pub(crate) fn stopped(&self) -> bool {
        self.verdict.control.stopped()
    }

    /// The source cannot go on: without an errors end that is the first failure; with one, what was taken is
    /// processed, and the run says so at its end.
    pub(crate) fn source_broke(&self, stage: StageInfo, error: SourceError) {
        let fail_fast = self.end.get().is_none();
        let cause = if fail_fast {
            Cause::Error(error.error)
        } else {
            Cause::Stopped(format!(
                "the source cannot go on: {}",
                Cause::Error(error.error)
            ))
        };
        let mut failure = Failure::new(stage, cause);
        failure.origin = error.origin;
        if fail_fast {
            self.stop(failure);
        } else {
            self.verdict.decide(failure);
        }
    }
}

impl<Task: Send + 'static> Reporter<Task> for Errors<Task> {
    fn report(&self, failure: Failure<Task>) -> BoxFuture<'_, ()> {
        let Some(end) = self.end.get() else {
            self.stop(failure);
            return Box::pin(std::future::ready(()));
        };
        let (stage, cause) = (failure.stage.clone(), failure.cause.to_string());
        Box::pin(async move {
            let sending = pin!(end.send(failure));
            // A full errors end must not outlive the pipeline.
            let stopped = pin!(self.verdict.control.until_stopped());
            if let Either::Left((Err(why), _)) = select(sending, stopped).await {
                let why = format!("the errors end failed ({why}) for the failure `{cause}`");
                self.stop(Failure::new(stage, Cause::Stopped(why)));
            }
        })
    }

    fn stop(&self, failure: Failure<Task>) {
        self.verdict.stop(failure);
    }
}

/// An errors end, whatever its type.
trait End<Task>: Send + Sync {
    fn send(&self, failure: Failure<Task>) -> BoxFuture<'_, Result<(), String>>;
}

impl<Task: Send + 'static, S: Sink<Failure<Task>>> End<Task> for S {
    fn send(&self, failure: Failure<Task>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let written = self
                .write(vec![failure])
                .await
                .map_err(|error| error.to_string())?;
            written
                .failures()
                .next()
                .map_or(Ok(()), |(_, cause)| Err(cause.to_string()))
        })
    }
}

/// The reporter of a segment: its failures carry no task of the pipeline's.
pub(crate) struct Untasked<Task>(pub(crate) Arc<dyn Reporter<Task>>);

impl<Task: Send + 'static> Reporter<()> for Untasked<Task> {
    fn report(&self, failure: Failure<()>) -> BoxFuture<'_, ()> {
        self.0.report(failure.map_task(|()| None))
    }

    fn stop(&self, failure: Failure<()>) {
        self.0.stop(failure.map_task(|()| None));
    }
}
