//! A PostgreSQL database, and what may be in it: queues.

mod config;
mod error;
mod handle;
mod line;
mod queue;
mod schema;
mod watch;

pub use config::IntoConfig;
pub use error::{ConnectError, ConnectErrorKind};
pub use handle::{Postgres, PostgresBuilder};
pub use queue::{PostgresQueue, PostgresQueueBuilder};
