//! A queue as a whole, as an operator sees it.

use std::time::Duration;

/// How many messages a queue has, and in what state they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// That can be received now, or could if the queue were not paused.
    pub ready: u64,
    /// That wait for the end of a delay.
    pub delayed: u64,
    /// That are leased.
    pub taken: u64,
    /// That wait for another of their group.
    pub behind: u64,
    /// Since when the oldest one that is ready or taken was sent: by so much the workers are late. `None` if there is
    /// none, or where the queue cannot tell.
    pub oldest: Option<Duration>,
    /// How many have [expired](crate::queue::Outgoing::expires) since the queue was made.
    pub expired: u64,
    /// For how long it is still paused.
    pub paused: Option<Pause>,
}

impl QueueStats {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ready + self.delayed + self.taken + self.behind
    }
}

/// For how long a queue is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pause {
    /// For so long from now, by the clock of the back end.
    For(Duration),
    /// Until somebody resumes it.
    UntilResumed,
}
