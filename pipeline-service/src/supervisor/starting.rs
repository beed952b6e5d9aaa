//! From the factory to the run.

use std::sync::Arc;

use pipeline_runtime::{BoxError, guard};

use super::held::Held;
use super::meanwhile::{Heard, While};
use super::next::Next;
use super::process::Supervisor;
use super::ticks::Ticking;
use crate::command::{First, Started};
use crate::context::{Context, Of};
use crate::lease::Lead;
use crate::noted::{Broken, Noticed};
use crate::status::{Ending, State};
use crate::work::{Live, Made};

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Calls the factory and looks after what it makes.
    pub(super) async fn make(&mut self, first: Option<First>) -> Next {
        if let Some(next) = self.may_not_run() {
            return next;
        }
        self.core.board.begins(self.of.place);
        let made = match self.made().await {
            Ok(made) => made,
            Err(Heard::Rest) => {
                return self.unmade(first, Next::Rest(State::Stopped, Ending::Told));
            }
            Err(_) => return self.unmade(first, Next::Over(State::Stopped)),
        };
        // The factory may have waited for longer than a lease that nobody could extend.
        if let Some(next) = self.may_not_run() {
            return self.unmade(first, next);
        }
        let next = match made.and_then(|made| self.spawn(made)) {
            Ok(live) => {
                let started = Started {
                    sinks: self.held.sinks(),
                    is_all: self.of.makes.is_pipeline(),
                };
                answer(first, Ok(started));
                self.attend(live).await
            }
            Err(error) => {
                let broken = Broken::error(&*error);
                match first {
                    Some(first) if !self.of.waits_at_start => {
                        let (place, run) = (self.of.place, self.run);
                        self.core.note_run(place, &broken, Noticed::Start, run);
                        let _ = first.send(Err(error));
                        Next::Over(State::Failed(broken.cause))
                    }
                    first => {
                        let next = self.failed(&broken, Noticed::Start, None);
                        self.shows(&next);
                        answer(first, Ok(Started::default()));
                        next
                    }
                }
            }
        };
        self.run += 1;
        next
    }

    fn unmade(&mut self, first: Option<First>, next: Next) -> Next {
        answer(first, Ok(Started::default()));
        self.run += 1;
        next
    }

    /// What the factory says; a panic is an error.
    async fn made(&mut self) -> Result<Result<Box<dyn Made>, BoxError>, Heard> {
        let makes = Arc::clone(&self.of.makes);
        let (state, core) = (Arc::clone(&self.state), Arc::clone(&self.core));
        let tick = self.ticking.as_ref().and_then(Ticking::tick);
        let lease = self.lead.as_ref().map(Lead::lease);
        let cx = Context::new(
            state,
            core,
            self.of.place,
            Of {
                run: self.run,
                tick,
                lease,
            },
        );
        let making = guard::run(async move { makes.make(&cx).await });
        let made = self.meanwhile(making, While::Making).await?;
        Ok(made.unwrap_or_else(|panicked| Err(panicked.into())))
    }

    /// Starts what was made. Its links are kept open before those of the last run are let go.
    fn spawn(&mut self, made: Box<dyn Made>) -> Result<Arc<dyn Live>, BoxError> {
        self.held = Held::of(made.links());
        let live = guard::call(|| made.spawn())?;
        let handle = live.handle();
        if self.is_paused
            && let Some(handle) = &handle
        {
            handle.pause();
        }
        let state = if self.is_paused {
            State::Paused
        } else {
            State::Running
        };
        // Before anybody is told that it was started.
        self.core.board.runs(self.of.place, state, handle);
        Ok(live)
    }
}

fn answer(first: Option<First>, answer: Result<Started, BoxError>) {
    if let Some(first) = first {
        // The service may have been dropped meanwhile.
        let _ = first.send(answer);
    }
}
