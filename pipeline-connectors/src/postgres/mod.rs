//! A PostgreSQL database, and what may be in it: tables, rows of them, queues, a journal, dead letters, leases.

mod access;
mod answer;
#[cfg(feature = "service")]
mod broadcast;
mod build;
mod config;
mod contents;
#[cfg(feature = "service")]
mod control;
mod encryption;
mod error;
mod handle;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "service")]
mod leases;
mod letters;
mod line;
mod queue;
mod rows;
mod schema;
mod table;
#[cfg(feature = "postgres-tls")]
mod tls;
mod watch;
mod words;

#[cfg(feature = "service")]
pub use broadcast::PostgresBroadcastBuilder;
pub use build::PostgresBuilder;
pub use config::IntoConfig;
#[cfg(feature = "service")]
pub use control::{PostgresControl, PostgresControlBuilder};
pub use encryption::SslMode;
pub use error::{ConnectError, ConnectErrorKind};
pub use handle::Postgres;
#[cfg(feature = "journal")]
pub use journal::{PostgresCompleting, PostgresJournal, PostgresJournalBuilder};
#[cfg(feature = "service")]
pub use leases::{
    PostgresLeases, PostgresLeasesBuilder, PostgresSchedules, PostgresSchedulesBuilder,
};
pub use letters::{PostgresLetters, PostgresLettersBuilder};
pub use queue::{PostgresQueue, PostgresQueueBuilder, PostgresSettling};
pub use rows::{
    PostgresRows, PostgresRowsBuilder, RowsError, RowsPosition, RowsSnapshot, RowsStats,
};
pub use table::{PostgresTable, PostgresTableBuilder};
