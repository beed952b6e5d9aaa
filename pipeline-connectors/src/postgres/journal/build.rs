//! How a journal is opened, and what it keeps.

use std::sync::Arc;
use std::time::Duration;

use super::handle::{Inner, PostgresJournal};
use super::retention::{Pruning, Retention};
use crate::postgres::error::ConnectError;
use crate::postgres::handle::Postgres;

/// The most bytes of a value, where nothing else is said.
const VALUE_LIMIT: usize = 16 * 1024 * 1024;
/// For how long an unfinished task is kept, where nothing else is said.
const UNFINISHED: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// For how long a task is remembered as done, where nothing else is said: far longer than a queue may take to deliver a
/// message again that was acknowledged.
const DONE: Duration = Duration::from_secs(60 * 60);
/// How many of them.
const DONE_TASKS: usize = 1_000_000;

impl Postgres {
    /// The journal of the database, to be described and opened.
    ///
    /// Any number of programs on any number of machines may share it, and several pipelines:
    /// [`Journal::scope`](pipeline_runtime::journal::Journal::scope) says what keeps their tasks apart. Those who work on the
    /// messages of one queue must share one, or what one has recorded is called again by another: so it is the journal for
    /// workers on several machines, also where their queue is one of SQS.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let journal = db.journal().open().await?;
    /// # let _: &dyn Send = &journal;
    /// # Ok(())
    /// # }
    /// ```
    pub fn journal(&self) -> PostgresJournalBuilder {
        PostgresJournalBuilder {
            db: self.clone(),
            value_limit: VALUE_LIMIT,
            retention: Retention {
                unfinished: UNFINISHED,
                done: DONE,
                tasks: DONE_TASKS,
            },
        }
    }
}

/// Describes a journal; [`Postgres::journal`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresJournalBuilder {
    db: Postgres,
    value_limit: usize,
    retention: Retention,
}

impl PostgresJournalBuilder {
    /// The most bytes that one value may take. The default is 16 MiB; more than 512 MiB are taken for that.
    pub fn value_limit(mut self, bytes: usize) -> Self {
        self.value_limit = bytes.min(512 << 20);
        self
    }

    /// For how long a task is kept that is not finished, from its last beginning on. The default is 14 days.
    ///
    /// A task goes only if it was too old at two looks of one program that are ten minutes apart: a clock that jumps drops
    /// nothing that is under way. Where no program runs for ten minutes, nothing goes.
    pub fn keep_unfinished(mut self, age: Duration) -> Self {
        self.retention.unfinished = age;
        self
    }

    /// For how long, and of how many tasks, it is remembered that they are done, from their acknowledgement on. The default
    /// is an hour, and 1,000,000 tasks; the oldest go first, when it is looked for them, every ten minutes.
    ///
    /// A delivery of such a task, in the hands of a worker that was stopped, say, is passed over: no stage runs, and it is
    /// acknowledged. A new message of the same id is a new task where the queue numbers its messages, as all queues of this
    /// library do.
    pub fn keep_done(mut self, age: Duration, tasks: usize) -> Self {
        self.retention.done = age;
        self.retention.tasks = tasks;
        self
    }

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
    pub async fn open(self) -> Result<PostgresJournal, ConnectError> {
        self.db.home_in_time().await?;
        Ok(PostgresJournal(Arc::new(Inner {
            name: format!("postgres:{}", self.db.database()).into(),
            value_limit: self.value_limit,
            retention: self.retention,
            pruning: Pruning::default(),
            db: self.db,
        })))
    }
}
