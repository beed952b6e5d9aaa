//! Queues: messages that are leased, not given, and stay until they are acknowledged.
//!
//! | queue | where the messages are |
//! |---|---|
//! | [`sqlite()`] (feature `sqlite`) | in a file, for any number of processes on one machine |
//! | [`sqs()`] (feature `sqs`) | at Amazon SQS, or what speaks its protocol, for any number of machines |
//!
//! Each is a [`Queue`](pipeline_runtime::queue::Queue); [`conformance::queue`](crate::conformance::queue()) has the tests
//! that one of your own should pass.

#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqs")]
mod sqs;

#[cfg(feature = "sqlite")]
pub use sqlite::{Depth, QueueBody, SqliteQueue, SqliteQueueBuilder, sqlite};
#[cfg(feature = "sqs")]
pub use sqs::{SqsQueue, SqsQueueBuilder, sqs};
