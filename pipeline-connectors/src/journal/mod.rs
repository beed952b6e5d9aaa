//! Journals: in memory, and in a SQLite file.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::{Memory, memory};
#[cfg(feature = "sqlite")]
pub use sqlite::{Completing, Sqlite, SqliteBuilder, SqliteStats, sqlite};
