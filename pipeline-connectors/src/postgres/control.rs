//! What all instances of services are told, on any machine, in a PostgreSQL database.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::private::held;
use pipeline_service::everywhere::{Standing, StandingError};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::error::{ConnectError, Failed};
use super::handle::Postgres;
use super::line::Value;
use super::watch::Bell;

/// How often it is read where nothing is notified.
const LOOK: Duration = Duration::from_secs(1);
/// As what a change is notified: the numbers of queues are above it, those of broadcasts below.
const TOLD_AS: i32 = 0;

/// What all instances of services are told, on any machine, in a PostgreSQL database: a row for each service. Clones are the
/// same. [`Service::everywhere`](pipeline_service::Service::everywhere) and
/// [`Control::everywhere`](pipeline_service::Control::everywhere) take it.
#[derive(Clone)]
pub struct PostgresControl {
    db: Postgres,
    bell: Arc<Bell>,
}

impl std::fmt::Debug for PostgresControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresControl").field(&self.db).finish()
    }
}

impl Postgres {
    /// What services are told, in this database, to be opened. Who follows it is notified, and looks once a second besides: one
    /// query a second for each service that is declared [`everywhere`](pipeline_service::Service::everywhere).
    pub fn control(&self) -> PostgresControlBuilder {
        PostgresControlBuilder(self.clone())
    }
}

/// Describes a place of what services are told; [`Postgres::control`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresControlBuilder(Postgres);

impl PostgresControlBuilder {
    /// Opens it, and makes the tables first if there are none. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the user may not make the tables, or use those that are there; if the
    /// tables are of another major version.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresControl, ConnectError> {
        self.0.home_in_time().await?;
        let bell = self.0.watch().bells.of(TOLD_AS);
        Ok(PostgresControl { db: self.0, bell })
    }
}

impl PostgresControl {
    async fn ask(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StandingError> {
        let asking = self.db.transacting().query_alone(sql, values);
        let rows = held("what services are told", asking).await;
        rows.map_err(|failed| self.error(&failed))
    }

    fn error(&self, failed: &Failed) -> StandingError {
        StandingError::new(format!(
            "PostgreSQL at {}: {}",
            self.db.place(),
            failed.said
        ))
    }
}

impl Standing for PostgresControl {
    fn name(&self) -> Name {
        format!("postgres:{}", self.db.database()).into()
    }

    async fn read(&self, service: &str) -> Result<(u64, String), StandingError> {
        let sql = format!(
            "SELECT number, orders FROM {}.control WHERE service = $1",
            self.db.schema()
        );
        let rows = self.ask(&sql, &[(&service, Type::TEXT)]).await?;
        let read = |row: &Row| Ok((row.try_get::<_, i64>(0)?.unsigned_abs(), row.try_get(1)?));
        let found = rows.first().map(read).transpose();
        let found =
            found.map_err(|error: tokio_postgres::Error| self.error(&Failed::from(&error)))?;
        Ok(found.unwrap_or_default())
    }

    async fn write(&self, service: &str, number: u64, text: &str) -> Result<bool, StandingError> {
        let sql = format!("SELECT {}.control_write($1, $2, $3)", self.db.schema());
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let values: [Value<'_>; 3] = [
            (&service, Type::TEXT),
            (&number, Type::INT8),
            (&text, Type::TEXT),
        ];
        let rows = self.ask(&sql, &values).await?;
        let written = rows.first().map(|row| row.try_get(0)).transpose();
        let written = written.map_err(|error| self.error(&Failed::from(&error)))?;
        self.db.watch().tell(TOLD_AS);
        Ok(written.unwrap_or_default())
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        // From now on.
        let rung = self.bell.listen();
        async move {
            let _ = timeout(LOOK, rung).await;
        }
    }
}
