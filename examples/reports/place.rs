//! What is where.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::journal;
use brigade::prelude::{Pipeline, queue};
#[cfg(feature = "sqs")]
use brigade::queue::Queue as _;
use brigade::queue::{Delivery, SqliteLetters, SqliteQueue};
use brigade::{BoxError, Driven};
use rusqlite::{Connection, OpenFlags};

use crate::archive::Archive;
use crate::args::{Place, QueueKind};
use crate::calls::Calls;
use crate::job::{self, Desk};
use crate::report::Messages;
use crate::spool::Spool;

/// A worker that is killed has its messages for so long. Less than is usual: a run waits for the messages of the last that
/// was killed. More than any pause of a worker that lives, which tells the queue meanwhile that it still has them.
const LEASE: Duration = Duration::from_secs(5);

/// How long to wait for a file that another process writes. Longer than is usual: all processes write these files, on a
/// busy machine each has to wait for its turn, and a journal whose turn does not come fails what it was to record.
pub const BUSY: Duration = Duration::from_secs(30);

/// One of the queues there are.
#[derive(Debug, Clone)]
pub enum Queue {
    /// And its file.
    Sqlite(SqliteQueue, PathBuf),
    #[cfg(feature = "sqs")]
    Sqs(queue::SqsQueue),
}

impl Place {
    /// The table of reports, and the journal of their tasks: one file, so that both are written in one transaction.
    pub fn table(&self) -> PathBuf {
        self.dir.join("reports.db")
    }

    pub fn dead(&self) -> PathBuf {
        self.dir.join("dead.db")
    }

    pub fn calls(&self) -> PathBuf {
        self.dir.join("calls.txt")
    }

    fn queue_file(&self) -> PathBuf {
        self.dir.join("queue.db")
    }

    pub fn spool(&self) -> Spool {
        Spool(self.dir.join("spool"))
    }

    /// Makes the directory, without what an earlier run has left in it.
    pub fn begin(&self) -> Result<(), BoxError> {
        let removed = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        for database in [self.table(), self.dead(), self.queue_file()] {
            for end in ["", "-wal", "-shm"] {
                let mut path = database.clone().into_os_string();
                path.push(end);
                removed(fs::remove_file(path))?;
            }
        }
        removed(fs::remove_file(self.calls()))?;
        // Its files are written over.
        fs::create_dir_all(self.spool().0)?;
        Ok(())
    }

    /// That an earlier run is there.
    pub fn is_begun(&self) -> Result<(), BoxError> {
        if !self.table().try_exists()? {
            let problem = format!("there is no run in {}; start one first", self.dir.display());
            return Err(problem.into());
        }
        Ok(())
    }

    /// Makes what the workers work with, and so finds now what would keep them from it.
    pub fn make(&self, archive: Archive) -> Result<(), BoxError> {
        self.desk(archive).map(drop)
    }

    pub fn journal(&self) -> Result<journal::SqliteJournal, BoxError> {
        let journal = Sqlite::at(self.table())
            .busy_timeout(BUSY)
            .open()?
            .journal();
        Ok(journal.open()?)
    }

    pub fn letters(&self) -> Result<SqliteLetters, BoxError> {
        Ok(Sqlite::open(self.dead())?.letters().open()?)
    }

    pub fn desk(&self, archive: Archive) -> Result<Desk, BoxError> {
        let journal = self.journal()?;
        let database = Sqlite::at(self.table()).busy_timeout(BUSY).open()?;
        // No key: a report that is written twice is there twice, and the audit sees it.
        let table = database
            .table("reports")
            .column("number", "INTEGER NOT NULL")
            .column("customer", "TEXT NOT NULL")
            .column("digest", "TEXT NOT NULL")
            .column("link", "TEXT NOT NULL")
            .column("checked", "TEXT NOT NULL")
            .create()
            .open()?;
        Ok(Desk {
            rows: journal.completing(&table)?,
            journal,
            letters: self.letters()?,
            spool: self.spool(),
            archive,
            calls: Calls::open(&self.calls())?,
        })
    }

    pub async fn queue(&self) -> Result<Queue, BoxError> {
        match self.queue {
            QueueKind::Sqlite => {
                let file = self.queue_file();
                let queue = Sqlite::open(&file)?.queue("jobs").lease(LEASE).open()?;
                Ok(Queue::Sqlite(queue, file))
            }
            QueueKind::Sqs => self.sqs().await,
        }
    }

    #[cfg(feature = "sqs")]
    async fn sqs(&self) -> Result<Queue, BoxError> {
        let Some(endpoint) = &self.endpoint else {
            return Err(
                "which SQS? start a server, `pip install ministack && ministack`, and say \
                `--endpoint http://127.0.0.1:4566` with AWS_ACCESS_KEY_ID=test and AWS_SECRET_ACCESS_KEY=test; \
                for AWS itself `--endpoint https://sqs.REGION.amazonaws.com`"
                    .into(),
            );
        };
        let sqs = queue::sqs(&self.name).endpoint(endpoint).lease(LEASE);
        Ok(Queue::Sqs(sqs.open().await))
    }

    #[cfg(not(feature = "sqs"))]
    #[expect(clippy::unused_async, reason = "it is with the feature")]
    async fn sqs(&self) -> Result<Queue, BoxError> {
        Err("queues of SQS are there with `--features sqs`".into())
    }
}

impl Queue {
    /// Makes the queue if there is none.
    ///
    /// # Errors
    ///
    /// If there is one that is not empty.
    #[cfg_attr(
        not(feature = "sqs"),
        expect(clippy::unused_async, reason = "a file is made when it is opened")
    )]
    pub async fn make(&self) -> Result<(), BoxError> {
        #[cfg(feature = "sqs")]
        if let Self::Sqs(queue) = self {
            let name = queue.name();
            let name = name.strip_prefix("sqs:").unwrap_or(&name);
            queue
                .client()
                .create_queue()
                .queue_name(name)
                .send()
                .await?;
            let count = self.count().await?;
            if count > 0 {
                let problem =
                    format!("the queue `{name}` has {count} messages; name another with `--name`");
                return Err(problem.into());
            }
        }
        Ok(())
    }

    /// The pipeline of a worker.
    pub fn work(self, desk: Desk) -> Pipeline<Driven, Delivery<String>> {
        match self {
            Self::Sqlite(queue, _) => job::reports(queue, desk),
            #[cfg(feature = "sqs")]
            Self::Sqs(queue) => job::reports(queue, desk),
        }
    }

    /// The pipeline of the producer.
    pub fn fill(&self, spool: &Spool, messages: Messages) -> Pipeline<Driven> {
        match self.clone() {
            Self::Sqlite(queue, _) => job::messages(queue, spool, messages),
            #[cfg(feature = "sqs")]
            Self::Sqs(queue) => job::messages(queue, spool, messages),
        }
    }

    /// Sends dead letters back: those with these ids, or all.
    pub async fn replay(
        &self,
        letters: &queue::SqliteLetters,
        ids: &[String],
        journal: &impl brigade::journal::Journal,
    ) -> Result<(), BoxError> {
        match self {
            Self::Sqlite(to, _) => send_back(letters.replay(to).journal(journal), ids).await,
            #[cfg(feature = "sqs")]
            Self::Sqs(to) => send_back(letters.replay(to).journal(journal), ids).await,
        }
    }

    /// How many there are, leased ones included: as any program sees them, since an audit that asked the queue itself
    /// would believe it.
    #[cfg_attr(
        not(feature = "sqs"),
        expect(clippy::unused_async, reason = "SQS is asked with a request")
    )]
    pub async fn count(&self) -> Result<u64, BoxError> {
        match self {
            Self::Sqlite(_, file) => {
                let queue = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                queue.busy_timeout(BUSY)?;
                let count = "SELECT count(*) FROM brigade_queue";
                Ok(queue.query_row(count, [], |row| row.get(0))?)
            }
            #[cfg(feature = "sqs")]
            Self::Sqs(queue) => sqs_count(queue).await,
        }
    }
}

async fn send_back<Q, J>(
    mut replay: queue::Replay<'_, queue::SqliteLetters, Q, J>,
    ids: &[String],
) -> Result<(), BoxError>
where
    Q: brigade::queue::Queue,
    J: brigade::journal::Journal,
{
    if !ids.is_empty() {
        replay = replay.ids(ids);
    }
    match replay.run().await?.unsent.into_iter().next() {
        Some(unsent) => Err(unsent.error.into()),
        None => Ok(()),
    }
}

/// AWS calls it approximate: what it says may be a minute old.
#[cfg(feature = "sqs")]
async fn sqs_count(queue: &queue::SqsQueue) -> Result<u64, BoxError> {
    let asked = queue
        .client()
        .get_queue_attributes()
        .queue_url(queue.url().await?)
        .attribute_names("All".into());
    let answer = asked.send().await?;
    let attributes = answer.attributes.unwrap_or_default();
    let counts = attributes
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("ApproximateNumberOfMessages"));
    Ok(counts
        .filter_map(|(_, count)| count.parse::<u64>().ok())
        .sum())
}
