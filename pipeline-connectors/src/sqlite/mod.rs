//! Rows into tables of a SQLite database.

mod checkpoint;
mod connect;
mod database;
mod descriptors;
mod error;
mod growth;
mod logged;
mod patience;
mod room;
mod row;
mod schema;
mod sql;
mod stats;
mod table;
mod units;
mod write;

pub use database::{Database, Sqlite, Synchronous, sqlite};
pub use error::{OpenError, OpenErrorKind, RowError, WriteError};
pub(crate) use error::{kind, refused, said};
pub(crate) use room::{Connected, begin, leave_room, with_room};
pub use row::{Binder, Row, Values};
pub use rusqlite::types::{ToSql, Value};
pub(crate) use schema::{Schema, Unusable};
pub use stats::{TableSnapshot, TableStats};
pub use table::{Table, TableBuilder};
pub use units::Claiming;
pub(crate) use units::{Claim, Claims};

/// An error that may be one of SQLite.
pub(crate) trait Cause {
    fn cause(&self) -> Option<&rusqlite::Error>;
}

impl Cause for rusqlite::Error {
    fn cause(&self) -> Option<&rusqlite::Error> {
        Some(self)
    }
}
