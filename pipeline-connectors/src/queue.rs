//! Queues that keep their messages outside the process, and places for dead letters.
//!
//! | queue | where the messages are |
//! |---|---|
//! | `SqliteQueue` (feature `sqlite`) | in a file, for any number of processes on one machine |
//! | `PostgresQueue` (feature `postgres`) | in a PostgreSQL database, for any number of machines |
//! | `sqs` (feature `sqs`) | at Amazon SQS, or what speaks its protocol, for any number of machines |
//!
//! | dead letters | where they are |
//! |---|---|
//! | `PostgresLetters` (feature `postgres`) | in a PostgreSQL database, to be listed and replayed |
//! | `SqliteLetters` (feature `sqlite`) | in a file, that of the queue say, to be listed and replayed |
//! | `dead_letter_queue` (feature `postgres`, `sqlite` or `sqs`) | in another queue, as JSON |
//!
//! Each queue is a [`Queue`](pipeline_runtime::queue::Queue); [`conformance::queue`](crate::conformance::queue()) has the
//! tests that one of your own should pass.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use crate::body::QueueBody;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "sqs"))]
pub use crate::dead_letter_queue::{DeadLetterQueue, dead_letter_queue};
#[cfg(feature = "postgres")]
pub use crate::postgres::{
    PostgresLetters, PostgresLettersBuilder, PostgresQueue, PostgresQueueBuilder, PostgresSettling,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use crate::replay::{
    LetterStore, LettersError, NoJournal, Replay, ReplayError, Replayed, Unsent,
};
#[cfg(feature = "sqlite")]
pub use crate::sqlite::{
    Settling, SqliteLetters, SqliteLettersBuilder, SqliteQueue, SqliteQueueBuilder,
};
#[cfg(feature = "sqs")]
pub use crate::sqs::{SqsQueue, SqsQueueBuilder, sqs};
