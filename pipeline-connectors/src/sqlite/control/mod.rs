//! What all instances of services are told, on one machine, in a SQLite file.

mod kept;
mod schema;

pub use self::kept::{SqliteControl, SqliteControlBuilder};
