//! A SQLite file, and what may be in it: tables, queues, journals, dead letters.

#[cfg(feature = "service")]
mod broadcast;
mod checkpoint;
mod connect;
mod contents;
#[cfg(feature = "service")]
mod control;
mod descriptors;
mod error;
mod growth;
mod handle;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "service")]
mod leases;
mod letters;
mod logged;
mod patience;
mod queue;
mod room;
mod schema;
mod table;

#[cfg(feature = "service")]
pub use broadcast::SqliteBroadcastBuilder;
#[cfg(feature = "service")]
pub use control::{SqliteControl, SqliteControlBuilder};
pub use error::{OpenError, OpenErrorKind};
pub(crate) use error::{kind, refused, said};
pub use handle::{Sqlite, SqliteBuilder, Synchronous};
#[cfg(feature = "journal")]
pub use journal::{Completing, JournalSnapshot, JournalStats, SqliteJournal, SqliteJournalBuilder};
#[cfg(feature = "service")]
pub use leases::{SqliteLeases, SqliteLeasesBuilder, SqliteSchedules, SqliteSchedulesBuilder};
pub use letters::{SqliteLetters, SqliteLettersBuilder};
pub use queue::{Settling, SqliteQueue, SqliteQueueBuilder};
pub(crate) use room::{Connected, begin, leave_room, with_room};
pub(crate) use schema::{Schema, Unusable};
pub(crate) use table::{Claim, Claiming, Claims};
#[cfg(feature = "service")]
pub(crate) use table::{Fence, same_file};
pub use table::{Table, TableBuilder};

/// An error that may be one of SQLite.
pub(crate) trait Cause {
    fn cause(&self) -> Option<&rusqlite::Error>;
}

impl Cause for rusqlite::Error {
    fn cause(&self) -> Option<&rusqlite::Error> {
        Some(self)
    }
}
