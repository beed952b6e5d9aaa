//! A journal in a database.

mod build;
mod handle;
mod retention;

pub use build::PostgresJournalBuilder;
pub use handle::PostgresJournal;
