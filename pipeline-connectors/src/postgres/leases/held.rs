//! Leases in a PostgreSQL database.

use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_service::lease::{LeaseError, Leases};
use tokio_postgres::types::Type;

use super::asked::{Asked, SHORTLY, in_time, micros, number};
use crate::postgres::error::ConnectError;
use crate::postgres::handle::Postgres;

/// Leases in a PostgreSQL database, for any number of programs on any number of machines. Clones are the same.
///
/// Their time is that of the server: the clocks of the machines do not matter. Where the server's own is set forward, a lease
/// may be granted before its holder thinks that it has ended; what he then writes can be refused
/// ([`PostgresTable::fenced`](crate::sink::PostgresTable::fenced), [`fence`](Self::fence)).
///
/// They have a connection of their own. An answer that does not come within a quarter of the time that is asked for (at least 1 s, at most 5 s) is
/// none, and the next call makes a new connection.
///
/// A token is on the server's disk when it is granted, whatever `synchronous_commit` says. A standby that takes over without
/// having heard of it (asynchronous replication) may grant it again.
#[derive(Debug, Clone)]
pub struct PostgresLeases(pub(super) Asked);

impl Postgres {
    /// The leases of the database, to be opened.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    /// use pipeline_service::Leader;
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let leader = Leader::new(db.leases().open().await?, "writer");
    /// # let _ = leader;
    /// # Ok(())
    /// # }
    /// ```
    pub fn leases(&self) -> PostgresLeasesBuilder {
        PostgresLeasesBuilder(self.clone())
    }
}

/// Describes a place of leases; [`Postgres::leases`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresLeasesBuilder(Postgres);

impl PostgresLeasesBuilder {
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
    pub async fn open(self) -> Result<PostgresLeases, ConnectError> {
        Asked::open(self.0).await.map(PostgresLeases)
    }
}

impl Leases for PostgresLeases {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    async fn claim(
        &self,
        lease: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<u64>, LeaseError> {
        let time = micros(ttl);
        let values = [
            (&lease as _, Type::TEXT),
            (&holder as _, Type::TEXT),
            (&time as _, Type::INT8),
        ];
        let rows = self.0.ask(in_time(ttl), "lease_claim", &values).await?;
        let token: Option<i64> = self.0.first(&rows)?;
        Ok(token.map(i64::unsigned_abs))
    }

    async fn renew(&self, lease: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let (token, time) = (number(token), micros(ttl));
        let values = [
            (&lease as _, Type::TEXT),
            (&token as _, Type::INT8),
            (&time as _, Type::INT8),
        ];
        let rows = self.0.ask(in_time(ttl), "lease_renew", &values).await?;
        Ok(self.0.first(&rows)?.unwrap_or_default())
    }

    async fn release(&self, lease: &str, token: u64) -> Result<(), LeaseError> {
        let token = number(token);
        let values = [(&lease as _, Type::TEXT), (&token as _, Type::INT8)];
        self.0
            .ask(SHORTLY, "lease_release", &values)
            .await
            .map(drop)
    }
}
