//! What the supervisor of a process is told, and what it answers.

use std::time::Duration;

use pipeline_runtime::link::Joint;
use pipeline_runtime::{BoxError, Name, SetCountError};
use tokio::sync::oneshot;

/// How many commands of one process may wait.
pub(crate) const INBOX: usize = 16;

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no process of that name.
    #[error("there is no process `{process}`; there are {known}")]
    Unknown {
        /// The name.
        process: String,
        /// Those that there are.
        known: String,
    },
    /// The process is in no state for it.
    #[error("process `{process}` cannot {command}: it is {state}")]
    State {
        /// The process.
        process: Name,
        /// What it was to do.
        command: &'static str,
        /// What it is doing.
        state: String,
    },
    /// The process is no pipeline.
    #[error("process `{process}` cannot {command}: it is a task, and no pipeline")]
    Task {
        /// The process.
        process: Name,
        /// What it was to do.
        command: &'static str,
    },
    /// It did not end within the deadline, and was aborted.
    #[error("process `{process}` did not end: {why}")]
    Stuck {
        /// The process.
        process: Name,
        /// What it was stuck in.
        why: String,
    },
    /// The count of the stage was not changed.
    #[error(transparent)]
    SetCount(#[from] SetCountError),
    /// The place where it is kept what all instances are told did not answer.
    #[error("`{place}` does not take what all instances are told: {error}")]
    Away {
        /// The place.
        place: Name,
        /// What it said.
        error: BoxError,
    },
    /// The process, or its service, was stopped before the command had an effect.
    #[error("process `{process}` takes no command any more: the service is stopping")]
    Ended {
        /// The process.
        process: Name,
    },
}

/// The answer to a command.
pub(crate) type Reply = oneshot::Sender<Result<(), ControlError>>;

/// Whom the outcome of the first start is told.
pub(crate) type First = oneshot::Sender<Result<Started, BoxError>>;

/// What a first start has come to.
#[derive(Debug, Default)]
pub(crate) struct Started {
    /// The links that it drives into.
    pub(crate) sinks: Vec<Joint>,
    /// Nothing else will be known of its links.
    pub(crate) is_all: bool,
}

/// What a supervisor is told.
pub(crate) enum Command {
    /// It is the first start, whose outcome its sender waits for.
    First(First),
    Start(Reply),
    Drain(Duration, Reply),
    Pause(Reply),
    Resume(Reply),
    Restart(String, Reply),
    Fail(String, Reply),
    Trigger(Option<String>, Reply),
    SetCount(String, usize, Reply),
    Ping(Reply),
}

/// Names in a sentence.
pub(crate) fn known(names: &[Name]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
