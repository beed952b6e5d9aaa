//! Leases in a SQLite file.

use std::path::Path;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_service::lease::{LeaseError, Leases};
use rusqlite::{OptionalExtension as _, params};

use super::file::{File, described};
use super::now::{boot, millis, now};
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder};

/// Leases in a SQLite file, for any number of programs on one machine. Clones are the same.
///
/// On Linux their time is that since the machine was started: clocks that are set change nothing, it goes on in a machine that
/// is suspended, and after a restart nobody holds anything. Tokens go on to grow.
///
/// What an older holder writes into the same file can be refused: [`Table::fenced`](crate::sink::Table::fenced). In a
/// transaction of yours, an immediate one, which no grant comes between, `SELECT token FROM brigade_lease WHERE name = …` is the
/// token of the last grant.
#[derive(Debug, Clone)]
pub struct SqliteLeases(File);

impl Sqlite {
    /// The leases of the file, to be opened.
    pub fn leases(&self) -> SqliteLeasesBuilder {
        SqliteLeasesBuilder(described(self))
    }
}

/// Describes a place of leases; [`Sqlite::leases`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteLeasesBuilder(SqliteBuilder);

impl SqliteLeasesBuilder {
    /// Opens it, and makes it first if there is none.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if the file holds leases of another version.
    pub fn open(self) -> Result<SqliteLeases, OpenError> {
        File::open(self.0).map(SqliteLeases)
    }
}

impl SqliteLeases {
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Leases for SqliteLeases {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    async fn claim(
        &self,
        lease: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<u64>, LeaseError> {
        let (lease, holder) = (lease.to_owned(), holder.to_owned());
        let claim = "
            INSERT INTO brigade_lease (name, token, holder, until, boot) VALUES (?1, 1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE
            SET token = token + 1, holder = excluded.holder, until = excluded.until, boot = excluded.boot
            WHERE until IS NULL OR until <= ?5 OR boot != excluded.boot
            RETURNING token";
        self.0
            .write(move |transaction| {
                let now = now();
                let values = params![lease, holder, now.saturating_add(millis(ttl)), boot(), now];
                let token = transaction.query_row(claim, values, |row| row.get(0));
                token.optional()
            })
            .await
    }

    async fn renew(&self, lease: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let lease = lease.to_owned();
        let renew = "
            UPDATE brigade_lease SET until = ?3
            WHERE name = ?1 AND token = ?2 AND until > ?4 AND boot = ?5";
        self.0
            .write(move |transaction| {
                let now = now();
                let values = params![lease, token, now.saturating_add(millis(ttl)), now, boot()];
                Ok(transaction.execute(renew, values)? > 0)
            })
            .await
    }

    async fn release(&self, lease: &str, token: u64) -> Result<(), LeaseError> {
        let lease = lease.to_owned();
        let release = "UPDATE brigade_lease SET until = NULL WHERE name = ?1 AND token = ?2";
        self.0
            .write(move |transaction| {
                transaction.execute(release, params![lease, token])?;
                Ok(())
            })
            .await
    }
}
