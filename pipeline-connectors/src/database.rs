//! Back ends that are several of these at once: one handle for each, which tables, queues and journals are opened from.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use crate::contents::{Contents, QueueName};
#[cfg(feature = "postgres")]
pub use crate::postgres::{
    ConnectError, ConnectErrorKind, IntoConfig, Postgres, PostgresBuilder, SslMode,
};
#[cfg(all(feature = "postgres", feature = "service"))]
pub use crate::postgres::{PostgresBroadcastBuilder, PostgresControl, PostgresControlBuilder};
#[cfg(all(feature = "postgres", feature = "service"))]
pub use crate::postgres::{
    PostgresLeases, PostgresLeasesBuilder, PostgresSchedules, PostgresSchedulesBuilder,
};
#[cfg(feature = "sqlite")]
pub use crate::sqlite::{OpenError, OpenErrorKind, Sqlite, SqliteBuilder, Synchronous};
#[cfg(all(feature = "service", feature = "sqlite"))]
pub use crate::sqlite::{SqliteBroadcastBuilder, SqliteControl, SqliteControlBuilder};
#[cfg(all(feature = "service", feature = "sqlite"))]
pub use crate::sqlite::{
    SqliteLeases, SqliteLeasesBuilder, SqliteSchedules, SqliteSchedulesBuilder,
};
