//! Rows into tables of a SQLite database.

mod database;
mod error;
mod row;
mod sql;
mod stats;
mod table;
mod write;

pub use database::{Database, Sqlite, Synchronous, sqlite};
pub(crate) use error::said;
pub use error::{OpenError, OpenErrorKind, RowError, WriteError};
pub use row::{Binder, Row, Values};
pub use rusqlite::types::{ToSql, Value};
pub use stats::{TableSnapshot, TableStats};
pub use table::{Table, TableBuilder};
