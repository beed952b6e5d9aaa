//! While a process runs.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::next::Next;
use super::process::Supervisor;
use crate::command::{ControlError, Reply};
use crate::core::Phase;
use crate::noted::{Broken, Noticed};
use crate::status::{Ending, State};
use crate::work::{Ended, Live};

/// How long a run that was aborted has to be gone.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// A run, and what is to come of it.
pub(super) struct Attended {
    pub(super) live: Arc<dyn Live>,
    pub(super) handle: Option<Handle>,
    pub(super) began: Instant,
    pub(super) ending: BoxFuture<'static, Ended>,
    pub(super) why: Why,
    /// When it is aborted, by what was said of its end so far: the earliest of it holds.
    by: Option<Instant>,
    /// Says when its lease is lost.
    lost: Vec<Lost>,
}

impl Attended {
    /// It has to end by then, too; how long there is.
    fn ends_by(&mut self, by: Instant) -> Duration {
        let by = self.by.map_or(by, |before| before.min(by));
        self.by = Some(by);
        by.saturating_duration_since(Instant::now())
    }
}

/// Why a run ends.
pub(super) enum Why {
    /// By itself.
    Itself,
    /// It was told to, and is not made again until somebody wants it.
    Drained(Reply),
    /// It was told to, and is made again.
    Restarted(Reply),
    /// Somebody said that it had failed.
    Failed(String, Reply),
    /// Its lease is lost.
    Deposed,
    /// The service stops.
    Stopping,
    Aborted,
}

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Looks after a run until its end.
    pub(super) async fn attend(&mut self, live: Arc<dyn Live>) -> Next {
        let mut run = Attended {
            handle: live.handle(),
            began: Instant::now(),
            ending: Arc::clone(&live).ended(),
            live,
            why: Why::Itself,
            by: None,
            lost: self.may_be_lost(),
        };
        let ended = loop {
            let phase = *self.phase.borrow_and_update();
            self.obey(phase, &mut run);
            tokio::select! {
                biased;
                _ = self.phase.changed() => {}
                by = lost(&mut run.lost) => self.deposed(by, &mut run),
                Some(command) = self.inbox.recv() => self.told(command, &mut run),
                ended = &mut run.ending => break ended,
            }
        };
        self.core.board.ran(self.of.place, ended.report);
        self.next(run, ended.result)
    }

    /// What is said of the whole service goes before what is said of this process.
    fn obey(&self, phase: Phase, run: &mut Attended) {
        match phase {
            Phase::Running => {}
            Phase::Stopping(_) if matches!(run.why, Why::Stopping | Why::Aborted) => {}
            Phase::Stopping(by) => {
                // What it has is to be worked off.
                run.handle.iter().for_each(Handle::resume);
                self.held.end_those_without_sinks();
                self.set(State::Draining);
                run.why = Why::Stopping;
                // Whose lease is lost has no longer for it than it had.
                let left = run.ends_by(by);
                run.ending = Arc::clone(&run.live).finish(left);
            }
            Phase::Aborted if matches!(run.why, Why::Aborted) => {}
            Phase::Aborted => {
                run.why = Why::Aborted;
                run.ending = aborted(&run.live);
            }
        }
    }

    /// Somebody else may lead soon, or leads.
    fn deposed(&self, by: Instant, run: &mut Attended) {
        run.lost.clear();
        let left = run.ends_by(by);
        match run.why {
            Why::Itself | Why::Stopping => {
                self.set(State::Draining);
                if matches!(run.why, Why::Itself) {
                    run.why = Why::Deposed;
                }
                run.ending = Arc::clone(&run.live).drain(left);
            }
            _ => run.ending = aborted(&run.live),
        }
    }

    /// A run has ended.
    fn next(&mut self, run: Attended, result: Result<(), Broken>) -> Next {
        let place = self.of.place;
        match (run.why, result) {
            (Why::Itself, Ok(())) => self.ended(run.began),
            (Why::Itself, Err(broken)) => self.failed(&broken, Noticed::Run, Some(run.began)),
            (Why::Failed(why, reply), _) => {
                let next = self.failed(&Broken::saying(why), Noticed::Run, Some(run.began));
                self.shows(&next);
                let _ = reply.send(Ok(()));
                next
            }
            (Why::Drained(reply), result) => {
                let next = Next::Rest(State::Stopped, Ending::Told);
                self.shows(&next);
                let _ = reply.send(self.drained(result));
                next
            }
            (Why::Restarted(reply), result) => {
                let _ = reply.send(self.drained(result));
                Next::Make
            }
            (Why::Deposed, result) => {
                if let Err(broken) = result {
                    self.core.note_run(place, &broken, Noticed::Run, self.run);
                }
                self.was_deposed()
            }
            (Why::Stopping | Why::Aborted, Ok(())) => Next::Over(State::Stopped),
            (Why::Stopping | Why::Aborted, Err(broken)) => {
                self.core.note_run(place, &broken, Noticed::Run, self.run);
                let why = broken.cause;
                if broken.is_stuck {
                    self.core.stuck(place, why.clone());
                } else {
                    self.core.failed(place, why.clone());
                }
                Next::Over(State::Failed(why))
            }
        }
    }

    /// How a drain that somebody asked for went.
    fn drained(&self, result: Result<(), Broken>) -> Result<(), ControlError> {
        let Err(broken) = result else { return Ok(()) };
        let place = self.of.place;
        self.core.note_run(place, &broken, Noticed::Run, self.run);
        Err(ControlError::Stuck {
            process: self.name(),
            why: broken.cause,
        })
    }
}

/// Says when a lease is lost, and until when there is to end.
pub(super) type Lost = watch::Receiver<Option<Instant>>;

/// Waits until a lease is lost; until when there is to end.
async fn lost(lost: &mut [Lost]) -> Instant {
    if lost.is_empty() {
        return std::future::pending().await;
    }
    let each = lost
        .iter_mut()
        .map(|lost| Box::pin(lost.wait_for(Option::is_some)));
    let (by, ..) = futures::future::select_all(each).await;
    by.ok().and_then(|by| *by).unwrap_or_else(Instant::now)
}

/// Aborts a run. One that does not let go of its task is left to itself.
pub(super) fn aborted(live: &Arc<dyn Live>) -> BoxFuture<'static, Ended> {
    let aborting = Arc::clone(live).abort();
    Box::pin(async move {
        let ended = tokio::time::timeout(CLEAN_UP, aborting).await;
        ended.unwrap_or_else(|_| Ended {
            report: None,
            result: Err(Broken::stuck("it was aborted, and has not ended yet")),
        })
    })
}
