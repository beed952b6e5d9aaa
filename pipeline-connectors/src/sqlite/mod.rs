//! Rows into tables of a SQLite database.

mod checkpoint;
mod database;
mod error;
mod row;
mod sql;
mod stats;
mod table;
mod write;

pub(crate) use error::refused;
#[cfg(feature = "journal")]
pub(crate) use sql::Sql;
#[cfg(feature = "journal")]
pub(crate) use write::{Effect, Refused, row_error, write_row};

pub use database::{Database, Sqlite, Synchronous, sqlite};
pub use error::{OpenError, OpenErrorKind, RowError, WriteError};
pub(crate) use error::{kind, said};
pub use row::{Binder, Row, Values};
pub use rusqlite::types::{ToSql, Value};
pub use stats::{TableSnapshot, TableStats};
pub use table::{Table, TableBuilder};
