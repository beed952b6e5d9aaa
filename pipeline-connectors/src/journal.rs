//! Journals, each a [`Journal`](pipeline_runtime::journal::Journal);
//! [`conformance::journal`](crate::conformance::journal()) has the tests that one of your own should pass.

#[cfg(feature = "journal")]
pub use crate::memory::{MemoryJournal, memory};
#[cfg(all(feature = "journal", feature = "postgres"))]
pub use crate::postgres::{PostgresCompleting, PostgresJournal, PostgresJournalBuilder};
#[cfg(all(feature = "journal", feature = "sqlite"))]
pub use crate::sqlite::{
    Completing, JournalSnapshot, JournalStats, SqliteJournal, SqliteJournalBuilder,
};
