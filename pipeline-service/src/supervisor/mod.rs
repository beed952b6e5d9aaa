//! Who looks after one process: calls its factory, waits for the end of the run, and decides what comes next.

mod everywhere;
mod fired;
mod held;
mod leading;
mod meanwhile;
mod next;
mod process;
mod running;
mod settling;
mod starting;
mod ticking;
mod ticks;
mod told;

use std::sync::Arc;
use std::time::Duration;

use self::meanwhile::{Heard, While};
use self::next::Next;
pub(crate) use self::process::{Declared, Supervisor};
use crate::command::{First, Started};
use crate::status::{Ending, State};

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Looks after it until the service ends.
    pub(crate) async fn run(mut self) {
        let mut next = match self.until_first().await {
            Some(first) if self.of.leader.is_some() || self.ticking.is_some() => {
                let next = if self.of.leader.is_some() {
                    Next::Standby
                } else {
                    Next::Idle
                };
                self.shows(&next);
                let _ = first.send(Ok(Started::default()));
                next
            }
            Some(first) => self.make(Some(first)).await,
            None => Next::Over(State::Stopped),
        };
        loop {
            self.shows(&next);
            next = match next {
                Next::Make => self.make(None).await,
                Next::Standby => self.stand_by().await,
                Next::Idle => self.idle().await,
                Next::Wait(delay, _) => self.wait(delay).await,
                Next::Rest(state, ending) => self.rest(state, ending).await,
                Next::Over(_) => break,
            };
        }
        self.held.let_end();
        self.held.close_those_untaken();
        self.settles_at_last().await;
    }

    /// Waits for the first start.
    async fn until_first(&mut self) -> Option<First> {
        match self
            .meanwhile(std::future::pending::<()>(), While::Unstarted)
            .await
        {
            Err(Heard::First(first)) => Some(first),
            Ok(()) | Err(_) => None,
        }
    }

    /// Waits until it is to be made again, and those that it comes after are there.
    async fn wait(&mut self, delay: Duration) -> Next {
        let (core, after) = (Arc::clone(&self.core), self.of.after.clone());
        let waiting = async move {
            tokio::time::sleep(delay).await;
            core.board.until_none_comes(&after).await;
        };
        match self.meanwhile(waiting, While::Waiting).await {
            Ok(()) | Err(Heard::Now) => Next::Make,
            Err(Heard::Rest) => Next::Rest(State::Stopped, Ending::Told),
            // What others have put for it is still to be worked off.
            Err(Heard::Stop) if self.held.takes_from_others() => Next::Make,
            Err(_) => Next::Over(State::Stopped),
        }
    }

    /// Does nothing until it is told to.
    async fn rest(&mut self, state: State, ending: Ending) -> Next {
        if ending == Ending::Itself {
            self.held.let_end();
            self.core.one_ended();
        }
        self.steps_down();
        let mut heard = self.settles(While::Resting).await;
        if heard.is_ok() {
            let rests = std::future::pending();
            heard = self.meanwhile(rests, While::Resting).await;
        }
        match heard {
            Err(Heard::Now) if self.ticking.is_some() => {
                self.begins_anew();
                Next::Idle
            }
            Err(Heard::Now) => Next::Make,
            Err(Heard::Rest) => Next::Rest(state, Ending::Told),
            Ok(()) | Err(_) => Next::Over(state),
        }
    }
}
