//! What all parts of a service that runs share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline_runtime::{Name, guard};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::command::Command;
use crate::error::ServiceError;
use crate::noted::{Broken, Noted, Noticed, OnFailure};
use crate::status::{Board, Status};

/// Whether the service goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Everything is to have ended by then.
    Stopping(Instant),
    /// There is no more time.
    Aborted,
}

/// What all parts of a service that runs share; it knows neither their state nor their pipelines.
pub(crate) struct Core {
    pub(crate) service: Name,
    pub(crate) names: Vec<Name>,
    pub(crate) board: Board,
    pub(crate) clock: Clock,
    /// Of each process: its commands, in order.
    pub(crate) inboxes: Vec<mpsc::Sender<Command>>,
    pub(crate) grace: Duration,
    on_failure: OnFailure,
    phase: watch::Sender<Phase>,
    is_ready: AtomicBool,
    wrong: Mutex<Wrong>,
}

/// What the service will say at its end.
#[derive(Default)]
struct Wrong {
    escalated: Option<ServiceError>,
    stuck: Vec<(Name, String)>,
    failed: Vec<(Name, String)>,
}

impl Core {
    pub(crate) fn new(
        service: Name,
        names: Vec<Name>,
        inboxes: Vec<mpsc::Sender<Command>>,
        (grace, clock, on_failure): (Duration, Clock, OnFailure),
    ) -> Self {
        Self {
            board: Board::new(service.clone(), &names),
            service,
            names,
            clock,
            inboxes,
            grace,
            on_failure,
            phase: watch::Sender::new(Phase::Running),
            is_ready: AtomicBool::new(false),
            wrong: Mutex::default(),
        }
    }

    fn wrong(&self) -> MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.phase.borrow() != Phase::Running
    }

    /// Everything is to end, within the grace.
    pub(crate) fn stop(&self) {
        // A second is left to whoever ends the program behind it, or half of what there is.
        let spare = Duration::from_secs(1).min(self.grace / 2);
        let by = Instant::now() + self.grace.saturating_sub(spare);
        self.phase.send_if_modified(|phase| {
            let runs = *phase == Phase::Running;
            if runs {
                *phase = Phase::Stopping(by);
            }
            runs
        });
        self.board.changed();
    }

    /// Everything is to end now.
    pub(crate) fn abort(&self) {
        self.phase.send_replace(Phase::Aborted);
        self.board.changed();
    }

    /// The first start of all is done.
    pub(crate) fn is_ready(&self) {
        // Relaxed: nothing else is read by it.
        self.is_ready.store(true, Ordering::Relaxed);
        self.board.changed();
    }

    pub(crate) fn status(&self) -> Status {
        let stopping = self.is_stopping();
        // Relaxed: see `is_ready`.
        let ready = self.is_ready.load(Ordering::Relaxed) && !stopping;
        self.board.status(ready, stopping)
    }

    /// Waits for a status that is as wanted.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until(&self, mut is_wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut changes = self.board.changes();
        loop {
            changes.mark_unchanged();
            let status = self.status();
            if is_wanted(&status) {
                return status;
            }
            // An error would mean that there is no sender, which `self` has.
            let _ = changes.changed().await;
        }
    }

    /// Commands a process, and waits for what it says; nothing where it takes no command any more.
    pub(crate) async fn ask<T>(
        &self,
        place: usize,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Option<T> {
        let (reply, mut answer) = oneshot::channel();
        let inbox = &self.inboxes[place];
        inbox.send(command(reply)).await.ok()?;
        tokio::select! {
            biased;
            said = &mut answer => said.ok(),
            // What comes into an inbox at the moment at which its supervisor ends may stay in it: nobody says anything then.
            () = inbox.closed() => answer.try_recv().ok(),
        }
    }

    /// Somebody is told what failed.
    pub(crate) fn note(&self, place: usize, noted: Noted) {
        guard::quietly(|| (self.on_failure)(&noted));
        self.board.noted(place, noted);
    }

    pub(crate) fn note_run(&self, place: usize, broken: &Broken, what: Noticed, run: u64) {
        let name = self.names[place].clone();
        self.note(place, broken.noted(name, what, run));
    }

    /// A process has failed more often than it may.
    pub(crate) fn escalate(&self, error: ServiceError) {
        self.wrong().escalated.get_or_insert(error);
        self.stop();
    }

    pub(crate) fn failed(&self, place: usize, why: String) {
        self.wrong().failed.push((self.names[place].clone(), why));
    }

    pub(crate) fn stuck(&self, place: usize, why: String) {
        self.wrong().stuck.push((self.names[place].clone(), why));
    }

    /// A process has ended by itself: the service has, too, if it was the last.
    pub(crate) fn one_ended(&self) {
        if self.is_ready.load(Ordering::Relaxed) && self.board.all_ended() {
            self.stop();
        }
    }

    /// How it went, once nothing runs any more.
    pub(crate) fn outcome(&self) -> Result<Status, ServiceError> {
        let mut wrong = self.wrong();
        if let Some(escalated) = wrong.escalated.take() {
            return Err(escalated);
        }
        if !wrong.stuck.is_empty() {
            return Err(ServiceError::Stuck(std::mem::take(&mut wrong.stuck)));
        }
        if !wrong.failed.is_empty() {
            return Err(ServiceError::Failed(std::mem::take(&mut wrong.failed)));
        }
        drop(wrong);
        Ok(self.status())
    }
}
