//! Queues in a database.

mod admin;
mod build;
mod handle;
mod known;
mod receipt;
mod receive;
mod send;
mod settle;
mod settling;

pub use build::PostgresQueueBuilder;
pub use handle::PostgresQueue;
pub(in crate::postgres) use known::beside;
pub(in crate::postgres) use send::join;
pub use settling::PostgresSettling;
