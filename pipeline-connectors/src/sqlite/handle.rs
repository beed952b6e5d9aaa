//! A file, opened once for all that is in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline_runtime::guard;
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::checkpoint::{Checkpointer, Limits};
use super::{OpenError, OpenErrorKind};

/// How long to wait for a lock, where nothing else is said.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A SQLite file: one handle for all that is in it.
///
/// | | | |
/// |---|---|---|
/// | [`table`](Sqlite::table) | [`Table`](crate::sink::Table) | a sink of rows |
/// | [`queue`](Sqlite::queue) | [`SqliteQueue`](crate::queue::SqliteQueue) | a queue; a file has any number of them |
/// | `journal` (feature `journal`) | `SqliteJournal` | what `once` stages have made |
/// | [`letters`](Sqlite::letters) | [`SqliteLetters`](crate::queue::SqliteLetters) | dead letters |
/// | `control` (feature `service`) | `SqliteControl` | what all instances of a service are told |
/// | `broadcast` (feature `service`) | `Broadcast` | events that all programs on the machine hear |
/// | `leases`, `schedules` (feature `service`) | `SqliteLeases`, `SqliteSchedules` | who of several programs on the machine may |
///
/// Each is described by methods of its own, and then [opened](SqliteBuilder::open). What is in one file can be written in
/// one transaction: rows with the acknowledgement of their message
/// ([`settling`](crate::queue::SqliteQueue::settling)), or with the completion of their task
/// (`SqliteJournal::completing`). What need not be is faster apart, in a file of its own,
/// since SQLite has one writer a file.
///
/// Clones are the same handle. All its tables share one connection, which is closed when the last of them is dropped;
/// that waits while the log is being moved into the file. A queue, a journal and a store of letters have connections of
/// their own.
///
/// The path is that of a file. An empty one is an error, and so is what SQLite takes for something else: URIs (`file:…`)
/// and what begins with a colon; a file of such a name has its directory in front, as `./file:…`. Only `:memory:` is what
/// SQLite takes it for, a database in memory that is gone with its handle: for a plan, or a trial. Journals, queues
/// and stores of dead letters refuse that, too.
///
/// # Room on the disk
///
/// A file needs room for what is in it, for its write-ahead log, and 32 KiB or more for the log's index. What is new is in
/// the log until that is moved into the file, and takes its room twice. The log of a database of tables or of dead letters
/// becomes 64 MiB long while it is written without a pause, that of a journal or queue 4 MiB; longer for a transaction that
/// is larger, or while another program reads for long.
///
/// On a small disk less will do: a commit that finds the disk full moves the logs of all files on it that the process has
/// open, shortens them to nothing, and is tried once more. Only what has no room then fails, as a whole, with "the disk is
/// full". Nothing is lost, and all goes on when there is room.
///
/// To be moved, a log needs room too, for what is new in the file. While another program reads it cannot be moved, and so
/// that it does not take that room meanwhile, nothing is written on top of a log that is longer than the room which is
/// left: that fails as on a full disk, until the log can be moved. A single transaction that is larger than this room may
/// still use it up. On Windows it is not known what room there is.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("posts.db");
/// use pipeline_connectors::database::Sqlite;
/// use pipeline_connectors::queue::SqliteQueue;
///
/// let db = Sqlite::open(path)?;
/// let orders: SqliteQueue = db.queue("orders").open()?;
/// let letters = db.letters().open()?;
/// let posts = db
///     .table("posts")
///     .column("id", "INTEGER")
///     .column("text", "TEXT NOT NULL")
///     .key(["id"])
///     .upsert()
///     .create()
///     .open()?;
/// # let _: (&dyn Send, &dyn Send, &dyn Send) = (&posts, &orders, &letters);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Before the connection, which is to be closed last.
    checkpointer: Checkpointer,
    connection: Mutex<Connection>,
    /// Writers wait here for their turn, so that waiting blocks no thread.
    turn: Arc<Semaphore>,
    file: SqliteBuilder,
}

impl Sqlite {
    /// Opens the file at `path` with the defaults of [`SqliteBuilder`], and makes it first if there is none.
    ///
    /// Blocks, for 5 seconds at most if another program holds the file locked.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::at(path).open()
    }

    /// The file at `path`, to be described and opened.
    pub fn at(path: impl Into<PathBuf>) -> SqliteBuilder {
        SqliteBuilder {
            path: path.into(),
            busy_timeout: BUSY_TIMEOUT,
            synchronous: Synchronous::Normal,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.file.path
    }

    /// As what it is opened, for who opens it once more.
    pub(crate) fn file(&self) -> &SqliteBuilder {
        &self.0.file
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        self.0.file.busy_timeout
    }

    /// Works with the connection on a thread that may block. An `Err` holds the message of a panic.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.0.turn).acquire_owned().await;
        let database = self.clone();
        let working = spawn_blocking(move || {
            let _turn = turn;
            guard::call(|| work(&mut database.connection()))
        });
        let worked = working.await.map_err(|error| error.to_string())?;
        worked.map_err(|panicked| panicked.to_string())
    }

    /// Moves what is in the write-ahead log into the database file, as far as nobody reads it.
    pub(super) async fn checkpoint(&self) -> Result<(), String> {
        let database = self.clone();
        self.run(move |connection| {
            database.0.checkpointer.flush(connection);
        })
        .await
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked was rolled back when it was dropped.
        self.0
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file before it is opened; [`Sqlite::at`] makes it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteBuilder {
    path: PathBuf,
    busy_timeout: Duration,
    synchronous: Synchronous,
}

impl SqliteBuilder {
    /// How long to wait while another program holds the file locked: so long at least, by a clock that nobody sets. Any
    /// length will do. It is that of all that is in the file; what is locked for longer is
    /// [away](pipeline_runtime::ErrorKind::Away). The default is 5 seconds.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// When its tables wait for the disk. The default is [`Synchronous::Normal`]; queues, journals and dead letters wait
    /// at each transaction unless they say otherwise.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Opens it, and makes it first if there is none. It is set to the write-ahead log (WAL), so that others may read
    /// while the pipeline writes. From 1,000 pages on, fewer at first, a thread moves the log into the file; from 16,000
    /// on, 64 MiB of pages of the usual size, rows wait for that.
    ///
    /// Any number of processes may open it at the same time, also before there is a file.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// If it is not a database, is locked by another program, may not be written, or cannot be made there; if the disk is
    /// full or file descriptors ran out; if the path is empty or names no file.
    pub fn open(self) -> Result<Sqlite, OpenError> {
        let connection = self.open_alone()?;
        self.share(connection)
    }

    /// An open connection, for all who share it.
    pub(crate) fn share(self, mut connection: Connection) -> Result<Sqlite, OpenError> {
        let checkpointer = Checkpointer::of(&mut connection, Limits::default());
        let checkpointer = checkpointer.map_err(|error| {
            let kind = OpenErrorKind::of(&error, self.busy_timeout);
            OpenError::of_file(&self.path, kind)
        })?;
        Ok(Sqlite(Arc::new(Inner {
            checkpointer,
            connection: Mutex::new(connection),
            turn: Arc::new(Semaphore::new(1)),
            file: self,
        })))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells the file from others.
    pub(crate) fn place(&self) -> Arc<str> {
        let place = self.path.canonicalize();
        let place = place.as_deref().unwrap_or(&self.path);
        format!("sqlite:{}", place.display()).into()
    }

    /// The name of the file, for messages.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        format!("sqlite:{}", name.to_string_lossy())
    }

    pub(crate) fn synchronizes(&self) -> Synchronous {
        self.synchronous
    }

    pub(crate) fn waited(&self) -> Duration {
        self.busy_timeout
    }
}

/// When SQLite waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Never: a power failure may damage the database.
    Off,
    /// At checkpoints: a power failure may undo the last transactions, but damages nothing. A crash of the program
    /// loses nothing.
    Normal,
    /// At each transaction: what is written stays written.
    Full,
}

impl OpenError {
    /// A description that makes no sense.
    pub(crate) fn of_table(database: &Sqlite, table: &str, problem: impl Into<String>) -> Self {
        Self {
            path: database.path().to_path_buf(),
            kind: OpenErrorKind::Table {
                table: table.to_owned(),
                problem: problem.into(),
            },
        }
    }

    /// A statement that SQLite refused.
    pub(crate) fn of_statement(database: &Sqlite, table: &str, error: &rusqlite::Error) -> Self {
        Self::of_refused(
            database,
            table,
            OpenErrorKind::of(error, database.busy_timeout()),
        )
    }

    pub(super) fn of_refused(database: &Sqlite, table: &str, kind: OpenErrorKind) -> Self {
        match kind {
            OpenErrorKind::Other(problem) => Self::of_table(database, table, problem),
            kind => Self {
                path: database.path().to_path_buf(),
                kind,
            },
        }
    }
}
