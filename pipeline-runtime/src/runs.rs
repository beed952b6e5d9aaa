//! In what a group of stages runs.

use std::fmt;

use serde::{Serialize, Serializer};

/// In what a group of stages runs: [`PlanRow::runs`](crate::PlanRow::runs).
///
/// `Display` and serde write it as one word or two, as a plan shows it: `task`, `pool thread`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Runs {
    /// In nothing of its own: the source is asked for items.
    Source,
    /// The same of any number of sources, which are added while it runs.
    OpenEnded,
    /// Where the pipeline is polled.
    Inline,
    /// In tasks of the runtime.
    Tasks,
    /// On threads of its own.
    Threads,
    /// On threads of tokio's blocking pool.
    Pool,
    /// In futures in flight, which one task polls.
    Futures,
    /// In writes of the sink.
    Sink,
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Source => "source",
            Self::OpenEnded => "open-ended",
            Self::Inline => "inline",
            Self::Tasks => "task",
            Self::Threads => "thread",
            Self::Pool => "pool thread",
            Self::Futures => "in flight",
            Self::Sink => "writer",
        })
    }
}

impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
