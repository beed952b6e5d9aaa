//! Tables that a library keeps in a file: made if there are none, refused if they are of another version.

use std::time::Duration;

use rusqlite::{Connection, Params, Transaction};

use super::{Cause, OpenErrorKind};

/// The tables of one kind.
#[derive(Debug)]
pub(crate) struct Schema {
    /// What they are, for a message.
    pub(crate) what: &'static str,
    /// The table that holds their version. They are there if it is.
    pub(crate) meta: &'static str,
    /// The version that this program knows.
    pub(crate) version: i64,
    /// Makes them.
    pub(crate) tables: &'static str,
}

/// Why a file is not used.
#[derive(Debug)]
pub(crate) enum Unusable {
    Because(OpenErrorKind),
    Failed(rusqlite::Error),
}

impl Schema {
    /// Makes the tables if there are none, with the `first` row of their [`meta`](Self::meta). To be called in an
    /// immediate transaction: of several processes that begin at the same time one makes the tables.
    pub(crate) fn prepare(
        &self,
        transaction: &Transaction<'_>,
        (first, values): (&str, impl Params),
    ) -> Result<(), Unusable> {
        if !is_there(transaction, self.meta)? {
            transaction.execute_batch(self.tables)?;
            transaction.execute(first, values)?;
        }
        self.check_version(transaction)
    }

    /// Whether they are there; an error if they are of another version.
    pub(crate) fn found(&self, connection: &Connection) -> Result<bool, Unusable> {
        if !is_there(connection, self.meta)? {
            return Ok(false);
        }
        self.check_version(connection)?;
        Ok(true)
    }

    fn check_version(&self, connection: &Connection) -> Result<(), Unusable> {
        let version = format!("SELECT max(version) FROM {}", self.meta);
        let found: Option<i64> = connection.query_row(&version, [], |row| row.get(0))?;
        self.check(found.unwrap_or_default())
    }

    fn check(&self, found: i64) -> Result<(), Unusable> {
        if found == self.version {
            return Ok(());
        }
        Err(Unusable::Because(OpenErrorKind::Version {
            what: self.what,
            found,
            known: self.version,
        }))
    }
}

/// Asks the file. `table_exists` of a connection answers from what that read before the transaction began, when another
/// process may not have made its tables yet.
pub(super) fn is_there(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE)";
    connection.query_row(there, [name], |row| row.get(0))
}

impl Unusable {
    /// To be told while the connection is open: see [`OpenErrorKind::of`].
    pub(super) fn into_kind(self, waited: Duration) -> OpenErrorKind {
        match self {
            Self::Because(kind) => kind,
            Self::Failed(error) => OpenErrorKind::of(&error, waited),
        }
    }
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

impl Cause for Unusable {
    fn cause(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Because(_) => None,
            Self::Failed(error) => Some(error),
        }
    }
}
