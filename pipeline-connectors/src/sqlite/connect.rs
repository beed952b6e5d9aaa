//! How a file is opened, whatever is to be kept in it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::growth::move_log;
use super::logged::Logged;
use super::patience::{Patience, wait_for_locks};
use super::room::with_room;
use super::schema::Unusable;
use super::{OpenError, OpenErrorKind, SqliteBuilder, Synchronous};

/// The name of a database in memory: for who plans a pipeline, or tries one.
const IN_MEMORY: &str = ":memory:";

impl SqliteBuilder {
    /// Opens the file as a connection that nobody shares.
    pub(crate) fn open_alone(&self) -> Result<Connection, OpenError> {
        let (connection, ()) = self.connect(|_| Ok(()))?;
        Ok(connection)
    }

    /// The same, and first makes tables of ours in an immediate transaction. The busy timeout is for both together. They are
    /// to outlive the process, so that the file must be one.
    pub(crate) fn open_with<T>(
        &self,
        first: impl Fn(&Transaction<'_>) -> Result<T, Unusable>,
    ) -> Result<(Connection, T), OpenError> {
        if self.path() == Path::new(IN_MEMORY) {
            return Err(OpenError::of_file(self.path(), OpenErrorKind::NoFileName));
        }
        self.connect(|connection| {
            let begin = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(begin)?;
            let done = first(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    fn connect<T>(
        &self,
        first: impl Fn(&mut Connection) -> Result<T, Unusable>,
    ) -> Result<(Connection, T), OpenError> {
        let connected = self.try_connect(first);
        connected.map_err(|kind| OpenError::of_file(self.path(), kind))
    }

    fn try_connect<T>(
        &self,
        first: impl Fn(&mut Connection) -> Result<T, Unusable>,
    ) -> Result<(Connection, T), OpenErrorKind> {
        names_a_file(self.path())?;
        let patience = Patience::new(self.waited());
        // Told while the connection has its descriptors, so that it shows if there were too few.
        let told = |why: Unusable| why.into_kind(patience.waited());
        let mut connection = self.open_file().map_err(|error| told(error.into()))?;
        let logged = Logged::of(&connection);
        let work = |connection: &mut Connection| {
            patience.retry(|| {
                self.set_up(connection)?;
                first(connection)
            })
        };
        let done = with_room(&mut connection, work).map_err(told)?;
        let ready = wait_for_locks(&mut connection, self.waited(), logged);
        let ready = ready.and_then(|()| move_log(&mut connection));
        ready.map_err(|error| told(error.into()))?;
        Ok((connection, done))
    }

    fn open_file(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(self.path(), flags)
    }

    fn set_up(&self, connection: &Connection) -> Result<(), Unusable> {
        // What is locked is tried again as a whole.
        connection.busy_timeout(Duration::ZERO)?;
        // Reads the file, so that one that is not a database is found here.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        if connection.is_readonly("main")? {
            return Err(Unusable::Because(OpenErrorKind::ReadOnly));
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        let synchronous = match self.synchronizes() {
            Synchronous::Off => "OFF",
            Synchronous::Normal => "NORMAL",
            Synchronous::Full => "FULL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        Ok(())
    }
}

/// Other names that SQLite takes for something else would lose what is written, or write it elsewhere.
pub(super) fn names_a_file(path: &Path) -> Result<(), OpenErrorKind> {
    match path.as_os_str().as_encoded_bytes() {
        name if name == IN_MEMORY.as_bytes() => Ok(()),
        [] => Err(OpenErrorKind::EmptyPath),
        [b':', ..] | [b'f', b'i', b'l', b'e', b':', ..] => Err(OpenErrorKind::NoFileName),
        _ => Ok(()),
    }
}
