//! Queues that keep their messages outside the process, and places for dead letters.
//!
//! | queue | where the messages are |
//! |---|---|
//! | [`sqlite()`] (feature `sqlite`) | in a file, for any number of processes on one machine |
//! | [`sqs()`] (feature `sqs`) | at Amazon SQS, or what speaks its protocol, for any number of machines |
//!
//! | dead letters | where they are |
//! |---|---|
//! | [`SqliteDeadLetters`] (feature `sqlite`) | in a file, that of the queue say, to be listed and replayed |
//! | [`dead_letter_queue`] (feature `sqlite` or `sqs`) | in another queue, as JSON |
//!
//! Each queue is a [`Queue`](pipeline_runtime::queue::Queue); [`conformance::queue`](crate::conformance::queue()) has the
//! tests that one of your own should pass.

mod letters;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqs")]
mod sqs;

pub use letters::{DeadLetterQueue, dead_letter_queue};
#[cfg(feature = "sqlite")]
pub use letters::{
    LettersError, NoJournal, Replay, ReplayError, Replayed, SqliteDeadLetters, Unsent,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{Depth, QueueBody, Settling, SqliteQueue, SqliteQueueBuilder, sqlite};
#[cfg(feature = "sqs")]
pub use sqs::{SqsQueue, SqsQueueBuilder, sqs};
