//! A journal in a SQLite file.

mod batch;
mod completed;
mod finished;
mod schema;
mod stats;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::journal::{Frame, Journal, JournalError, Recorded};

use self::batch::Batches;
use self::thread::{Ask, Asks};
use crate::sqlite::{OpenError, Synchronous};

pub use completed::{Completed, Completing};
pub use stats::SqliteStats;

/// The most bytes of a value, where nothing else is said.
const VALUE_LIMIT: usize = 16 * 1024 * 1024;

/// For how long an unfinished task is kept, where nothing else is said: as long as SQS keeps a message at most.
const UNFINISHED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A journal in the SQLite file at `path`, to be opened. The file is made if there is none, and may hold tables of your
/// own.
///
/// What the file may be called, and what room it needs, is that of
/// [a database of tables](crate::sqlite()#room-on-the-disk).
///
/// Several processes may share one file, and open it at the same time. All tasks in it share their names: give each pipeline a file of its own, or
/// ids that no other pipeline has.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors as brigade;
/// use std::time::Duration;
///
/// use brigade::journal;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("tasks.db");
/// let journal = journal::sqlite(path)
///     .keep_finished(Duration::from_secs(3600), 1_000_000)
///     .open()?;
/// # let _: &dyn Send = &journal;
/// # Ok(())
/// # }
/// ```
pub fn sqlite(path: impl Into<PathBuf>) -> SqliteBuilder {
    SqliteBuilder {
        database: crate::sqlite::sqlite(path).synchronous(Synchronous::Full),
        value_limit: VALUE_LIMIT,
        retention: Retention {
            unfinished: UNFINISHED,
            finished: Duration::ZERO,
            tasks: 0,
        },
    }
}

/// What [`sqlite`] returns: a journal before it is opened.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteBuilder {
    database: crate::sqlite::Sqlite,
    value_limit: usize,
    retention: Retention,
}

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy)]
struct Retention {
    unfinished: Duration,
    finished: Duration,
    /// The most finished tasks.
    tasks: usize,
}

impl SqliteBuilder {
    /// How long to wait while another program holds the file locked. The default is 5 seconds. A journal that is locked
    /// for longer fails what it was to record.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.database = self.database.busy_timeout(timeout);
        self
    }

    /// When to wait for the disk. The default is [`Synchronous::Full`]: what is recorded survives a power failure. With
    /// [`Synchronous::Normal`] it survives a crash of the program only.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.database = self.database.synchronous(synchronous);
        self
    }

    /// The most bytes that one value may take. The default is 16 MiB; SQLite itself takes 1 GB.
    pub fn value_limit(mut self, bytes: usize) -> Self {
        self.value_limit = bytes;
        self
    }

    /// For how long a task is kept that does not come again and is never finished. The default is 14 days. One that comes
    /// after half of that is kept for the whole time from then on.
    pub fn keep_unfinished(mut self, age: Duration) -> Self {
        self.retention.unfinished = age;
        self
    }

    /// Keeps what is recorded of finished tasks for that long, the newest `tasks` of them at most: for queues that may
    /// deliver a message again after it was acknowledged, as standard queues of SQS do. The default is to drop it when
    /// the task is finished.
    ///
    /// A finished task that begins again, as such a message or as a dead letter that is replayed, is kept like any other
    /// that is under way, and counts from its next end on. A task counts among the newest as often as it was finished.
    pub fn keep_finished(mut self, age: Duration, tasks: usize) -> Self {
        self.retention.finished = age;
        self.retention.tasks = tasks;
        self
    }

    /// Opens the file, makes the journal's tables if they are missing, and starts the thread that works on it.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// If the file is not a database, is locked by another program, may not be written or cannot be made; if the disk is
    /// full or file descriptors ran out; if the path is empty or names no file; if it holds a journal of another version.
    pub fn open(self) -> Result<Sqlite, OpenError> {
        let path = self.database.path().to_path_buf();
        let (connection, ()) = self.database.open_with(schema::prepare)?;
        let stats = Arc::<stats::Counts>::default();
        let waited = self.database.waited();
        let durable = self.database.synchronizes() == Synchronous::Full;
        let counts = Arc::clone(&stats);
        let batches = Batches::new(connection, self.retention, waited, durable, counts);
        let asks = thread::start(batches).map_err(|error| OpenError::of_thread(&path, &error))?;
        Ok(Sqlite(Arc::new(Inner {
            name: format!("sqlite:{}", path.display()).into(),
            path,
            value_limit: self.value_limit,
            asks,
            stats,
        })))
    }
}

/// A journal in a SQLite file. Clones share one connection, which is closed when the last of them is dropped.
///
/// A thread of its own does all the work. Whatever was asked for while it wrote, by all pipelines that share the
/// journal, goes into its next transaction, so that one wait for the disk serves many.
///
/// # Cancel safety
///
/// What was asked for is done, whether anyone waits for it or not.
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    path: PathBuf,
    value_limit: usize,
    asks: Asks,
    stats: Arc<stats::Counts>,
}

impl Sqlite {
    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> SqliteStats {
        self.0.stats.snapshot()
    }
}

impl Journal for Sqlite {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.0.name)
    }

    fn limit(&self) -> usize {
        self.0.value_limit
    }

    async fn load(&self, tasks: Vec<Arc<str>>) -> Result<Vec<Vec<Recorded>>, JournalError> {
        self.0.asks.ask(|answer| Ask::Load(tasks, answer)).await
    }

    async fn record(&self, frames: Vec<Frame>) -> Result<(), JournalError> {
        self.0.asks.ask(|answer| Ask::Record(frames, answer)).await
    }

    async fn finish(&self, tasks: Vec<Arc<str>>) -> Result<(), JournalError> {
        self.0.asks.ask(|answer| Ask::Finish(tasks, answer)).await
    }
}
