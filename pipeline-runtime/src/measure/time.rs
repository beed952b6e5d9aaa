//! What a group of workers did with its time.

use std::time::Duration;

use serde::Serialize;

use crate::runs::Runs;

/// What a group of workers did with its time, since the pipeline started: [`Row::time`](crate::Row::time).
///
/// All workers together: two that are busy for a second are busy for two seconds. What they did in a part of the run is the
/// difference of two reports: [`Report::since`](crate::Report::since).
///
/// A worker is a task or a thread; of a sink it is a write. Of `:async` it is a place for a future: busy while there is one in
/// it, and all are while the tasks that poll them have no time for more. A source has one, which is busy while it is asked.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Time {
    /// In what they run.
    pub runs: Runs,
    /// How many there are now.
    pub workers: usize,
    /// The time that they had: all of them that might work, from the start of the pipeline to its end, or to now.
    pub available: Duration,
    /// Of that, working.
    pub busy: Duration,
    /// Of that, waiting for items.
    pub starved: Duration,
    /// Of that, waiting for room.
    pub blocked: Duration,
    /// Of that, kept from more calls by nothing but the stage's `rate`: there were items that waited for their turn, and places
    /// free for them.
    pub limited: Duration,
    /// Besides, the time of those that might not work, after the count was lowered.
    pub parked: Duration,
    /// What the work had of processors, measured for a part of it. `None` where it is not measured (of a source, a sink, a
    /// `batch`, and of what runs where the pipeline is polled), and where the system has no such clock: Linux has one.
    pub cpu: Option<Duration>,
    /// How many items wait behind it now, for the next stage to take them.
    pub waiting: u64,
    /// Of futures that share drivers, what these polled; of all drivers the mean.
    #[serde(skip)]
    pub(crate) drives: Duration,
    /// Whether there can be more of them.
    #[serde(skip)]
    pub(crate) grows: bool,
    /// Whether nothing waits for it.
    #[serde(skip)]
    pub(crate) is_beside: bool,
}

/// Parts of the time that a group of workers had, each from 0 to 1: [`Time::shares`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shares {
    /// Working.
    pub busy: f64,
    /// Waiting for items.
    pub starved: f64,
    /// Waiting for room.
    pub blocked: f64,
    /// Kept by the stage's `rate`.
    pub limited: f64,
    /// Of the time of all workers, that in which they might not work; it is in none of the others.
    pub parked: f64,
}

impl Time {
    /// Whether [`Handle::set_count`](crate::Handle::set_count) can change how many there are.
    #[must_use]
    pub fn can_change(&self) -> bool {
        self.grows
    }

    /// Whether it is of a side line that nothing waits for.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        self.is_beside
    }

    /// The parts of [`available`](Self::available). What no worker had spent when it was read is in none of them.
    #[must_use]
    pub fn shares(&self) -> Shares {
        let part = |of: Duration, all: Duration| {
            let all = all.as_secs_f64();
            if all > 0.0 {
                (of.as_secs_f64() / all).min(1.0)
            } else {
                0.0
            }
        };
        let share = |of| part(of, self.available);
        Shares {
            busy: share(self.busy),
            starved: share(self.starved),
            blocked: share(self.blocked),
            limited: share(self.limited),
            parked: part(self.parked, self.available + self.parked),
        }
    }

    /// What has been added to `earlier` since then.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            available: self.available.saturating_sub(earlier.available),
            busy: self.busy.saturating_sub(earlier.busy),
            starved: self.starved.saturating_sub(earlier.starved),
            blocked: self.blocked.saturating_sub(earlier.blocked),
            limited: self.limited.saturating_sub(earlier.limited),
            parked: self.parked.saturating_sub(earlier.parked),
            drives: self.drives.saturating_sub(earlier.drives),
            cpu: self
                .cpu
                .map(|cpu| cpu.saturating_sub(earlier.cpu.unwrap_or_default())),
            ..*self
        }
    }
}

impl Shares {
    /// The part for which others have to wait.
    pub(crate) fn occupied(&self) -> f64 {
        self.busy + self.limited
    }
}
