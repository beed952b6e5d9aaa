//! A journal in a SQLite file.

mod age;
mod ask;
mod batch;
mod completing;
mod retention;
mod schema;
mod stats;
mod tasks;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Finish, Frame, Journal, JournalError, Restore, Restored, TaskName,
};

use self::ask::Ask;
use self::batch::Batches;
use self::retention::Retention;
use self::thread::Asks;
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder, Synchronous};

pub use completing::Completing;
pub use stats::{JournalSnapshot, JournalStats};

/// The most bytes of a value, where nothing else is said.
const VALUE_LIMIT: usize = 16 * 1024 * 1024;

/// For how long an unfinished task is kept, where nothing else is said: as long as SQS keeps a message at most.
const UNFINISHED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// For how long a task is remembered as done, where nothing else is said: far longer than a queue may take to deliver a
/// message again that was acknowledged.
const DONE: Duration = Duration::from_secs(60 * 60);

/// How many of them.
const DONE_TASKS: usize = 1_000_000;

impl Sqlite {
    /// The journal of the file, to be described and opened.
    ///
    /// Several processes may share one file, and several pipelines: [`Journal::scope`] says what keeps their tasks apart.
    /// Those who work on the messages of one queue must share one, or what one has recorded is called again by another.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_connectors as brigade;
    /// use std::time::Duration;
    ///
    /// use brigade::database::Sqlite;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("tasks.db");
    /// let journal = Sqlite::open(path)?
    ///     .journal()
    ///     .keep_done(Duration::from_secs(24 * 3600), 1_000_000)
    ///     .open()?;
    /// # let _: &dyn Send = &journal;
    /// # Ok(())
    /// # }
    /// ```
    pub fn journal(&self) -> SqliteJournalBuilder {
        SqliteJournalBuilder {
            file: self.file().clone().synchronous(Synchronous::Full),
            value_limit: VALUE_LIMIT,
            retention: Retention {
                unfinished: UNFINISHED,
                done: DONE,
                tasks: DONE_TASKS,
            },
        }
    }
}

/// Describes a journal; [`Sqlite::journal`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteJournalBuilder {
    file: SqliteBuilder,
    value_limit: usize,
    retention: Retention,
}

impl SqliteJournalBuilder {
    /// When to wait for the disk. The default is [`Synchronous::Full`]: what is recorded survives a power failure. With
    /// [`Synchronous::Normal`] it survives a crash of the program only.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.file = self.file.synchronous(synchronous);
        self
    }

    /// The most bytes that one value may take. The default is 16 MiB; SQLite itself takes 1 GB.
    pub fn value_limit(mut self, bytes: usize) -> Self {
        self.value_limit = bytes;
        self
    }

    /// For how long a task is kept that is not finished, from its last beginning on. The default is 14 days.
    ///
    /// A task goes only if it was too old at two looks that are ten minutes apart: a clock that jumps drops nothing that is
    /// under way.
    pub fn keep_unfinished(mut self, age: Duration) -> Self {
        self.retention.unfinished = age;
        self
    }

    /// For how long, and of how many tasks, it is remembered that they are done, from their acknowledgement on. The default
    /// is an hour, and 1,000,000 tasks; the oldest go first.
    ///
    /// A delivery of such a task, by a queue that delivers a message again after it was acknowledged, or in the hands of a
    /// worker that was stopped, is passed over: no stage runs, and it is acknowledged. A new message of the same id is a new
    /// task where the queue numbers its messages, as all queues of this library do.
    pub fn keep_done(mut self, age: Duration, tasks: usize) -> Self {
        self.retention.done = age;
        self.retention.tasks = tasks;
        self
    }

    /// Opens it, makes its tables if they are missing, and starts the thread that works on it.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if the file holds a journal of another version.
    pub fn open(self) -> Result<SqliteJournal, OpenError> {
        let path = self.file.path().to_path_buf();
        let (connection, ()) = self.file.open_with(schema::prepare)?;
        let stats = JournalStats::default();
        let waited = self.file.waited();
        let durable = self.file.synchronizes() == Synchronous::Full;
        let counts = stats.clone();
        let batches = Batches::new(connection, self.retention, waited, durable, counts);
        let asks = thread::start(batches).map_err(|error| OpenError::of_thread(&path, &error))?;
        Ok(SqliteJournal(Arc::new(Inner {
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
pub struct SqliteJournal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: Name,
    path: PathBuf,
    value_limit: usize,
    asks: Asks,
    stats: JournalStats,
}

impl SqliteJournal {
    /// A handle that counts what it has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        self.0.stats.clone()
    }

    /// Forgets what is recorded of a task under a key: the stage makes it again when the task comes again. For a value that
    /// can no longer be read, or that could not be recorded. Returns whether there was something.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    ///
    /// # Cancel safety
    ///
    /// It is done, whether anyone waits for it or not.
    pub async fn forget(&self, task: TaskName, key: &str) -> Result<bool, JournalError> {
        let key = key.to_owned();
        self.0
            .asks
            .ask(|answer| Ask::Forget(task, key, answer))
            .await
    }
}

impl Journal for SqliteJournal {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    fn limit(&self) -> usize {
        self.0.value_limit
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        self.0.asks.ask(|answer| Ask::Begin(tasks, answer)).await
    }

    async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        self.0.asks.ask(|answer| Ask::Record(frames, answer)).await
    }

    async fn restore(&self, tasks: Vec<Restore>) -> Result<Vec<Restored>, JournalError> {
        self.0.asks.ask(|answer| Ask::Restore(tasks, answer)).await
    }

    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        self.0.asks.ask(|answer| Ask::Finish(tasks, answer)).await
    }
}
