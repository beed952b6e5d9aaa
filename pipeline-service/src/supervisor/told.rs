//! What a process is told while it runs.

use std::sync::Arc;
use std::time::Duration;

use super::process::Supervisor;
use super::running::{Attended, Why, aborted};
use crate::command::{Command, ControlError, Reply};
use crate::status::State;

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// A command.
    pub(super) fn told(&mut self, command: Command, run: &mut Attended) {
        if let Command::Ping(reply) = command {
            let _ = reply.send(Ok(()));
            return;
        }
        if !matches!(run.why, Why::Itself) {
            return self.is_late(command);
        }
        match command {
            Command::Ping(reply) | Command::Start(reply) => {
                let _ = reply.send(Ok(()));
            }
            // There is one first start.
            Command::First(_) => {}
            Command::Pause(reply) => self.pause(true, run, reply),
            Command::Resume(reply) => self.pause(false, run, reply),
            Command::SetCount(stage, count, reply) => {
                let _ = reply.send(match &run.handle {
                    Some(handle) => handle.set_count(&stage, count).map_err(Into::into),
                    None => Err(self.is_task("change the count of a stage")),
                });
            }
            Command::Trigger(_, reply) => {
                let _ = reply.send(Err(ControlError::State {
                    process: self.name(),
                    command: "be triggered",
                    state: "running".to_owned(),
                }));
            }
            Command::Drain(deadline, reply) => self.drain(deadline, run, Why::Drained(reply)),
            Command::Restart(why, reply) => {
                tracing::info!(process = %self.name(), why, "is made again");
                self.drain(self.core.grace, run, Why::Restarted(reply));
            }
            Command::Fail(why, reply) => {
                run.why = Why::Failed(why, reply);
                run.ending = aborted(&run.live);
            }
        }
    }

    fn drain(&self, deadline: Duration, run: &mut Attended, why: Why) {
        self.set(State::Draining);
        run.why = why;
        run.ending = Arc::clone(&run.live).drain(deadline);
    }

    fn pause(&mut self, paused: bool, run: &Attended, reply: Reply) {
        let Some(handle) = &run.handle else {
            let _ = reply.send(Err(self.is_task(if paused { "pause" } else { "resume" })));
            return;
        };
        self.is_paused = paused;
        if paused {
            handle.pause();
        } else {
            handle.resume();
        }
        self.set(if paused {
            State::Paused
        } else {
            State::Running
        });
        let _ = reply.send(Ok(()));
    }

    /// It ends already.
    fn is_late(&mut self, command: Command) {
        let (reply, command) = match command {
            Command::First(_) => return,
            Command::Start(reply) => (reply, "start"),
            Command::Drain(_, reply) => (reply, "drain"),
            Command::Pause(reply) => (reply, "pause"),
            Command::Resume(reply) => (reply, "resume"),
            Command::Restart(_, reply) => (reply, "restart"),
            Command::Fail(_, reply) => (reply, "fail"),
            Command::SetCount(_, _, reply) => (reply, "change the count of a stage"),
            Command::Ping(reply) => (reply, "answer"),
            Command::Trigger(_, reply) => (reply, "be triggered"),
        };
        let _ = reply.send(Err(ControlError::State {
            process: self.name(),
            command,
            state: "draining".to_owned(),
        }));
    }

    fn is_task(&self, command: &'static str) -> ControlError {
        ControlError::Task {
            process: self.name(),
            command,
        }
    }
}
