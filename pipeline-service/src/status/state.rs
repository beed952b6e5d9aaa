//! What a process is doing.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

/// What a process is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum State {
    /// It has not been started yet, or waits for its time.
    Idle {
        /// When it starts, if that is known.
        next: Option<SystemTime>,
    },
    /// Its factory is at work.
    Starting,
    /// It runs.
    Running,
    /// It runs and takes nothing in.
    Paused,
    /// It has ended, and will be made again.
    Waiting {
        /// When.
        until: SystemTime,
        /// Which attempt that is since the last good run, from 1.
        attempt: u32,
        /// Why it ended.
        why: String,
    },
    /// Somebody else has the lead.
    Standby,
    /// It was told to end, and works off what it has.
    Draining,
    /// It has ended well, or was stopped.
    Stopped,
    /// It has failed, and is not made again.
    Failed(String),
}

impl State {
    /// Whether it has ended, and does not begin again by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Stopped | Self::Failed(_))
    }

    /// Whether there is a pipeline that runs, be it paused.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Idle { .. } => "idle",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Waiting { attempt, why, .. } => {
                return write!(f, "waiting for attempt {attempt}: {why}");
            }
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed(why) => return write!(f, "failed: {why}"),
        };
        f.write_str(text)
    }
}
