//! Broadcasts that all programs of a PostgreSQL database hear, on any machine.

mod build;
mod log;

pub use self::build::PostgresBroadcastBuilder;
