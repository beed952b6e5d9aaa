//! Why a service did not start, or how it ended.

use std::fmt;
use std::time::Duration;

use pipeline_runtime::{BoxError, Name};

use crate::schedule::ScheduleError;

/// Why a service did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// It is declared wrongly; nothing was started.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The factory of a process failed at its first start; those that ran were stopped.
    #[error("process `{process}` cannot be started: {error}")]
    Start {
        /// The process.
        process: Name,
        /// What its factory said, or that it panicked.
        #[source]
        error: BoxError,
    },
    /// A process failed more often than it may; everything was stopped in order.
    #[error("process `{process}` failed again after {restarts} restarts within {within:?}: {last}")]
    Escalated {
        /// The process.
        process: Name,
        /// How often it was made again.
        restarts: u32,
        /// Within this time.
        within: Duration,
        /// Why it failed last.
        last: String,
    },
    /// Processes had failed, and were not to be made again, or failed while the service was stopped.
    #[error("{}", Told(.0, "failed"))]
    Failed(Vec<(Name, String)>),
    /// Processes did not end within the grace, or were aborted: each with what it was stuck in. What they held is given back.
    #[error("{}", Told(.0, "did not end"))]
    Stuck(Vec<(Name, String)>),
}

/// Processes, and what is to be said of each.
struct Told<'a>(&'a [(Name, String)], &'static str);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (process, why)) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}process `{process}` {}: {why}", self.1)?;
        }
        Ok(())
    }
}

/// What is wrong with the declaration of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It has nothing to do.
    #[error("service `{service}` has no process; add one with `process`")]
    Empty {
        /// The service.
        service: Name,
    },
    /// Two processes have one name.
    #[error("two processes are called `{process}`; give one of them another name")]
    Twice {
        /// The name.
        process: Name,
    },
    /// A process is to start after one that there is not.
    #[error(
        "process `{process}` is to start after `{after}`, and there is none of that name; there are {known}"
    )]
    Unknown {
        /// The process.
        process: Name,
        /// What it names.
        after: Name,
        /// Those that there are.
        known: String,
    },
    /// Processes are to start after each other.
    #[error("{} is a circle of `after`; one of them has to start first", Circle(.0))]
    Circle(Vec<Name>),
    /// There is no time to stop in.
    #[error("a grace of 0; a service needs time to stop in, as the default of 25 s")]
    Grace,
    /// Restarts are counted within no time.
    #[error(
        "process `{process}` has a limit of restarts within 0 s; within that time none is counted"
    )]
    Limit {
        /// The process.
        process: Name,
    },
    /// There is no such schedule.
    #[error("process `{process}` has no schedule to run at: {error}")]
    Schedule {
        /// The process.
        process: Name,
        /// Why.
        #[source]
        error: ScheduleError,
    },
    /// A schedule that fires all the time.
    #[error("process `{process}` runs every 0 s; say how often, or leave the schedule out")]
    Period {
        /// The process.
        process: Name,
    },
    /// A lease that is granted for no time.
    #[error("process `{process}` is led by a lease of 0 s; it would end before it begins")]
    Ttl {
        /// The process.
        process: Name,
    },
    /// Nothing takes from a link that a process drives into: it would be full, and wait for ever.
    #[error(
        "process `{process}` drives into the link `{link}`, and nobody takes from it; give a process its `input()`"
    )]
    Unread {
        /// The process.
        process: Name,
        /// The link.
        link: Name,
    },
}

struct Circle<'a>(&'a [Name]);

impl fmt::Display for Circle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.0.iter().chain(self.0.first()).enumerate() {
            let between = if place == 0 { "" } else { " → " };
            write!(f, "{between}`{name}`")?;
        }
        Ok(())
    }
}
