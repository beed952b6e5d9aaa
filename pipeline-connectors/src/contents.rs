//! What of ours a database holds.

/// What of ours there is in a database; nothing is made to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// Its queues, by name.
    pub queues: Vec<QueueName>,
    /// Whether it has a place for dead letters.
    pub letters: bool,
    /// Whether it has a journal.
    pub journal: bool,
    /// Whether it has a place for leases and schedules.
    pub schedules: bool,
}

/// A queue in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueName {
    /// Its name.
    pub name: String,
    /// What its bodies are: `text` or `bytes`.
    pub bodies: String,
}
