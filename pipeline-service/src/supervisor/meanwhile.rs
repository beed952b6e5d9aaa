//! Waiting, while there is no run, and hearing what the process is told.

use std::future::Future;
use std::pin::pin;

use super::process::Supervisor;
use crate::command::{Command, ControlError, First};
use crate::core::Phase;

/// What it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum While {
    /// The first start.
    Unstarted,
    /// Its factory, which is at work.
    Making,
    /// The lead.
    Standby,
    /// The next tick.
    Idle,
    /// The next run.
    Waiting,
    /// Somebody who wants it to run.
    Resting,
}

/// What ends the waiting.
pub(super) enum Heard {
    First(First),
    /// It is to be made now.
    Now,
    /// There is a tick, with that.
    Trigger(Option<String>),
    /// It is not to be made, until it is told to.
    Rest,
    /// The service stops.
    Stop,
    Abort,
}

impl While {
    fn text(self) -> &'static str {
        match self {
            Self::Unstarted => "not started",
            Self::Making => "starting",
            Self::Standby => "on standby",
            Self::Idle => "idle",
            Self::Waiting => "waiting to be made again",
            Self::Resting => "stopped",
        }
    }
}

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// The output of `future`, which is dropped where something else is to be done.
    pub(super) async fn meanwhile<F: Future>(
        &mut self,
        future: F,
        what: While,
    ) -> Result<F::Output, Heard> {
        let mut future = pin!(future);
        let makes_the_last = what == While::Making && self.held.takes_from_others();
        loop {
            let phase = *self.phase.borrow_and_update();
            match phase {
                Phase::Running => {}
                // What is made at a stop is what still has to be worked off.
                Phase::Stopping(_) if makes_the_last => {}
                Phase::Stopping(_) => return Err(Heard::Stop),
                Phase::Aborted => return Err(Heard::Abort),
            }
            let late = async move {
                match phase {
                    Phase::Stopping(by) => tokio::time::sleep_until(by).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.phase.changed() => {}
                Some(command) = self.inbox.recv() => {
                    if let Some(heard) = self.hear(command, what) {
                        return Err(heard);
                    }
                }
                output = &mut future => return Ok(output),
                () = late => return Err(Heard::Abort),
            }
        }
    }

    /// A command while there is no run.
    fn hear(&mut self, command: Command, what: While) -> Option<Heard> {
        // Nobody may wait for an answer any more.
        let refuse = |command: &'static str| {
            Err(ControlError::State {
                process: self.name(),
                command,
                state: what.text().to_owned(),
            })
        };
        match command {
            Command::First(first) => return Some(Heard::First(first)),
            // It is started in its turn.
            Command::Start(reply) if what == While::Unstarted => {
                let _ = reply.send(refuse("start"));
            }
            Command::Restart(_, reply) if what == While::Unstarted => {
                let _ = reply.send(refuse("restart"));
            }
            Command::Drain(_, reply) if what == While::Unstarted => {
                let _ = reply.send(refuse("drain"));
            }
            // It is on its way already.
            Command::Start(reply) | Command::Restart(_, reply) => {
                let _ = reply.send(Ok(()));
                let comes = matches!(what, While::Making | While::Standby);
                return (!comes).then_some(Heard::Now);
            }
            Command::Drain(_, reply) => {
                let _ = reply.send(Ok(()));
                return Some(Heard::Rest);
            }
            Command::Pause(reply) => {
                self.is_paused = true;
                let _ = reply.send(Ok(()));
            }
            Command::Resume(reply) => {
                self.is_paused = false;
                let _ = reply.send(Ok(()));
            }
            Command::Trigger(payload, reply) if what == While::Idle => {
                let _ = reply.send(Ok(()));
                return Some(Heard::Trigger(payload));
            }
            Command::Trigger(_, reply) => {
                let _ = reply.send(refuse("be triggered"));
            }
            Command::Ping(reply) => {
                let _ = reply.send(Ok(()));
            }
            Command::Fail(_, reply) => {
                let _ = reply.send(refuse("fail"));
            }
            Command::SetCount(_, _, reply) => {
                let _ = reply.send(refuse("change the count of a stage"));
            }
        }
        None
    }
}
