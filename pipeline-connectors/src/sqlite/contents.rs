//! What of ours a file holds, for who must not make or change anything to know it.

use rusqlite::{Connection, OpenFlags};

use super::connect::names_a_file;
use super::letters::are_there;
use super::queue::queues;
use super::schema::{Unusable, is_there};
use super::{OpenError, OpenErrorKind, SqliteBuilder};
use crate::contents::Contents;

impl SqliteBuilder {
    /// What of ours the file holds. No file is made, and no table of one that is there is changed, whoever it
    /// belongs to.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is not a database; if what it holds is of another version; if it is locked or may not
    /// be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("work.db");
    /// use pipeline_connectors::database::Sqlite;
    /// use pipeline_connectors::queue::SqliteQueue;
    ///
    /// assert!(Sqlite::at(&path).contents().is_err(), "there is no file, and none is made");
    /// let orders: SqliteQueue = Sqlite::open(&path)?.queue("orders").open()?;
    /// assert_eq!(Sqlite::at(&path).contents()?.queues[0].name, "orders");
    /// # drop(orders);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contents(&self) -> Result<Contents, OpenError> {
        let contents = self.look();
        contents.map_err(|kind| OpenError::of_file(self.path(), kind))
    }

    fn look(&self) -> Result<Contents, OpenErrorKind> {
        names_a_file(self.path())?;
        if self.path().try_exists().is_ok_and(|there| !there) {
            return Err(OpenErrorKind::NoFile);
        }
        let told = |why: Unusable| why.into_kind(self.waited());
        let connection = self.open_to_look().map_err(|error| told(error.into()))?;
        read(&connection).map_err(told)
    }

    /// It may be written to: the log of a file that is being written cannot be read otherwise.
    fn open_to_look(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path(), flags)?;
        connection.busy_timeout(self.waited())?;
        Ok(connection)
    }
}

fn read(connection: &Connection) -> Result<Contents, Unusable> {
    Ok(Contents {
        queues: queues(connection)?,
        letters: are_there(connection)?,
        journal: is_there(connection, JOURNAL)?,
        schedules: is_there(connection, LEASES)?,
    })
}

/// The table of a journal, whose version is known to who opens that.
const JOURNAL: &str = "brigade_journal";

/// That of leases and schedules, in the same way.
const LEASES: &str = "brigade_lease_meta";
