//! Broadcasts that all programs of one machine hear, in a SQLite file.

mod build;
mod log;
mod schema;

pub use self::build::SqliteBroadcastBuilder;
