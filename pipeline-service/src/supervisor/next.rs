//! What a process does when a run has ended.

use std::time::Duration;

use tokio::time::Instant;

use super::process::Supervisor;
use crate::error::ServiceError;
use crate::noted::{Broken, Noticed};
use crate::restart::TooMany;
use crate::status::{Ending, State};

/// What a process does next.
pub(super) enum Next {
    /// It is made.
    Make,
    /// It waits until it leads.
    Standby,
    /// It waits for the next tick of its schedule.
    Idle,
    /// It is made again after that time; meanwhile it is in this state.
    Wait(Duration, State),
    /// It does nothing until it is told to.
    Rest(State, Ending),
    /// It does nothing more.
    Over(State),
}

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// A run has failed, or there was none.
    pub(super) fn failed(
        &mut self,
        broken: &Broken,
        what: Noticed,
        began: Option<Instant>,
    ) -> Next {
        let place = self.of.place;
        self.core.note_run(place, broken, what, self.run);
        let why = broken.cause.clone();
        if self.gives_up() {
            return self.ticked();
        }
        if !self.of.restart.is_after_failure() {
            self.core.failed(place, why.clone());
            return Next::Rest(State::Failed(why), Ending::Itself);
        }
        match self.history.next(&self.of.restart, began, !broken.is_away) {
            Ok((attempt, delay)) => self.waits(attempt, delay, why),
            Err(TooMany { restarts, within }) => {
                self.core.escalate(ServiceError::Escalated {
                    process: self.name(),
                    restarts,
                    within,
                    last: why.clone(),
                });
                Next::Over(State::Failed(why))
            }
        }
    }

    fn waits(&self, attempt: u32, delay: Duration, why: String) -> Next {
        let until = self.core.clock.after(delay);
        let waiting = State::Waiting {
            until,
            attempt,
            why,
        };
        Next::Wait(delay, waiting)
    }

    /// Everybody may see what comes next: before it is answered who has asked for it.
    pub(super) fn shows(&self, next: &Next) {
        let (place, board) = (self.of.place, &self.core.board);
        match next {
            Next::Make => {}
            Next::Standby => board.set(place, State::Standby),
            Next::Idle => board.set(place, self.idles()),
            Next::Wait(_, state) => board.set(place, state.clone()),
            Next::Rest(state, ending) => board.ends(place, state.clone(), *ending),
            Next::Over(state) => board.ends(place, state.clone(), Ending::Itself),
        }
    }

    /// A run has ended well.
    pub(super) fn ended(&mut self, began: Instant) -> Next {
        if self.ticking.is_some() {
            return self.ticked();
        }
        if !self.of.restart.is_after_success() {
            return Next::Rest(State::Stopped, Ending::Itself);
        }
        let why = "it had ended".to_owned();
        match self.history.next(&self.of.restart, Some(began), false) {
            Ok((attempt, delay)) => self.waits(attempt, delay, why),
            Err(_) => Next::Rest(State::Stopped, Ending::Itself),
        }
    }
}
