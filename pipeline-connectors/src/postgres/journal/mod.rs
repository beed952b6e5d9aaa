//! A journal in a database.

mod build;
mod completing;
mod handle;
mod retention;

pub use build::PostgresJournalBuilder;
pub use completing::PostgresCompleting;
pub use handle::PostgresJournal;
