//! What leases and ticks ask the server, each in one round trip, on a connection that nothing else holds up.

use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_service::lease::LeaseError;
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

use crate::postgres::error::{ConnectError, Failed};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;

/// How long an answer is waited for at least.
const AT_LEAST: Duration = Duration::from_secs(1);
/// How long an answer is waited for that is good for any time.
pub(super) const SHORTLY: Duration = Duration::from_secs(5);
/// A time that is longer is as good as this one.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A handle of the database, and what it is called in messages.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) db: Postgres,
    pub(super) name: Name,
    /// What tells its tables from any others.
    pub(super) home: Arc<str>,
}

impl Asked {
    pub(super) async fn open(db: Postgres) -> Result<Self, ConnectError> {
        let home = db.home_in_time().await?;
        let name = format!("postgres:{}", db.database()).into();
        Ok(Self { db, name, home })
    }

    /// What a function of ours returns, where an answer later than that is of no use.
    pub(super) async fn ask(
        &self,
        within: Duration,
        function: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, LeaseError> {
        let places: Vec<_> = (1..=values.len())
            .map(|place| format!("${place}"))
            .collect();
        let (schema, places) = (self.db.schema(), places.join(", "));
        let sql = format!("SELECT * FROM {schema}.{function}({places})");
        let rows = self.db.leasing().query_within(within, &sql, values).await;
        rows.map_err(|failed| self.error(&failed))
    }

    pub(super) fn error(&self, failed: &Failed) -> LeaseError {
        LeaseError::new(format!(
            "PostgreSQL at {}: {}",
            self.db.place(),
            failed.said
        ))
    }

    pub(super) fn get<T: FromSqlOwned>(&self, row: &Row, at: usize) -> Result<T, LeaseError> {
        let got = row.try_get(at);
        got.map_err(|error| self.error(&Failed::from(&error)))
    }

    /// What the one row says, if there is one.
    pub(super) fn first<T: FromSqlOwned>(&self, rows: &[Row]) -> Result<Option<T>, LeaseError> {
        rows.first().map(|row| self.get(row, 0)).transpose()
    }
}

/// How long an answer is waited for on which a grant for so long depends: there is time to ask again.
pub(super) fn in_time(ttl: Duration) -> Duration {
    (ttl / 4).clamp(AT_LEAST, SHORTLY)
}

/// In microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

/// Tokens are ours, from 1 on; what is none was never granted.
pub(super) fn number(token: u64) -> i64 {
    i64::try_from(token).unwrap_or_default()
}
