//! Everything in SQLite files, of one machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use brigade::BoxError;
use brigade::database::{Sqlite, SqliteSchedules};
use brigade::journal::{Completing, SqliteJournal};
use brigade::queue::{DeadLetter, Queue, SqliteLetters, SqliteQueue};
use brigade::service::Broadcast;
use rusqlite::{Connection, OpenFlags};
use tokio::process::Command;

use super::{Books, Ends, LEASE, Place, Tools, all_sent};
use crate::args;
use crate::home::Home;

/// How long to wait for a file that another process writes. Longer than is usual: all processes write these files, on a
/// busy machine each has to wait for its turn, and a journal whose turn does not come fails what it was to record.
const BUSY: Duration = Duration::from_secs(30);

/// The database itself notes what is recorded, in the transaction that records it: the journal drops what is recorded of
/// a task when that is done.
const NOTES: &str = "
    CREATE TABLE IF NOT EXISTS recorded (seq INTEGER PRIMARY KEY, frame TEXT NOT NULL);
    CREATE TRIGGER IF NOT EXISTS note_recorded AFTER INSERT ON brigade_frames BEGIN
        INSERT INTO recorded (frame) VALUES (new.task || '/' || new.key);
    END;
";

/// The table and the journal of its tasks are one file, so that both are written in one transaction; the queue is another.
#[derive(Debug)]
pub struct Files(pub Home);

impl Files {
    pub fn at(asked: &args::Place) -> Self {
        Self(Home::at(&asked.dir))
    }

    pub fn table(&self) -> PathBuf {
        self.0.file("reports.db")
    }

    fn dead(&self) -> PathBuf {
        self.0.file("dead.db")
    }

    fn jobs(&self) -> PathBuf {
        self.0.file("queue.db")
    }

    /// What programs tell each other, and which ticks are done.
    fn between(&self) -> PathBuf {
        self.0.file("between.db")
    }

    /// Begins a run, but for the queue.
    pub fn begin_all_but_the_queue(&self) -> Result<(), BoxError> {
        let mut files = Vec::new();
        for database in [self.table(), self.dead(), self.jobs(), self.between()] {
            for end in ["", "-wal", "-shm"] {
                let mut path = database.clone().into_os_string();
                path.push(end);
                files.push(path.into());
            }
        }
        self.0.begin(&files)?;
        self.open_all::<Self>()?;
        Ok(())
    }

    pub fn open_all<P>(&self) -> Result<Tools<P>, BoxError>
    where
        P: Place<
                Journal = SqliteJournal,
                Letters = SqliteLetters,
                Rows = Completing,
                Totals = Completing,
                Schedules = SqliteSchedules,
            >,
    {
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
        let totals = database
            .table("totals")
            .column("tick", "TEXT NOT NULL")
            .column("users", "INTEGER NOT NULL")
            .create()
            .open()?;
        Ok(Tools {
            rows: journal.completing(&table)?,
            totals: journal.completing(&totals)?,
            letters: self.dead_letters()?,
            schedules: self.open_between()?.schedules().open()?,
            journal,
        })
    }

    fn journal(&self) -> Result<SqliteJournal, BoxError> {
        let database = Sqlite::at(self.table()).busy_timeout(BUSY).open()?;
        Ok(database.journal().open()?)
    }

    pub fn dead_letters(&self) -> Result<SqliteLetters, BoxError> {
        Ok(Sqlite::open(self.dead())?.letters().open()?)
    }

    fn open_between(&self) -> Result<Sqlite, BoxError> {
        Ok(Sqlite::at(self.between()).busy_timeout(BUSY).open()?)
    }

    pub fn tell_outside(&self) -> Result<Broadcast<u32>, BoxError> {
        // Who listens may be behind by all of a run.
        let broadcast = self.open_between()?.broadcast("users").capacity(10_000);
        Ok(broadcast.keep(100_000).open()?)
    }

    pub fn is_there(&self) -> Result<bool, BoxError> {
        Ok(self.table().try_exists()?)
    }

    pub async fn replay_to(&self, queue: &impl Queue, ids: &[String]) -> Result<(), BoxError> {
        let (letters, journal) = (self.dead_letters()?, self.journal()?);
        let mut replay = letters.replay(queue).journal(&journal);
        if !ids.is_empty() {
            replay = replay.ids(ids);
        }
        all_sent(replay.run().await?)
    }

    pub fn open_books(&self) -> Result<FileBooks, BoxError> {
        let notes = Connection::open(self.table())?;
        notes.busy_timeout(BUSY)?;
        notes.execute_batch(NOTES)?;
        Ok(FileBooks {
            table: read(&self.table())?,
            dead: read(&self.dead())?,
            between: read(&self.between())?,
            seen: 0,
        })
    }
}

fn read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

impl Place for Files {
    type Queue = SqliteQueue;
    type Journal = SqliteJournal;
    type Letters = SqliteLetters;
    type Rows = Completing;
    type Totals = Completing;
    type Schedules = SqliteSchedules;
    type Books = FileBooks;

    fn home(&self) -> &Home {
        &self.0
    }

    async fn begin(&self) -> Result<SqliteQueue, BoxError> {
        self.begin_all_but_the_queue()?;
        self.queue().await
    }

    async fn is_begun(&self) -> Result<bool, BoxError> {
        self.is_there()
    }

    async fn queue(&self) -> Result<SqliteQueue, BoxError> {
        let file = Sqlite::open(self.jobs())?;
        Ok(file.queue("jobs").lease(LEASE).open()?)
    }

    async fn tools(&self) -> Result<Tools<Self>, BoxError> {
        self.open_all()
    }

    async fn outside(&self) -> Result<Broadcast<u32>, BoxError> {
        self.tell_outside()
    }

    async fn left(&self) -> Result<u64, BoxError> {
        let count = "SELECT count(*) FROM brigade_queue";
        Ok(read(&self.jobs())?.query_row(count, [], |row| row.get(0))?)
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, BoxError> {
        Ok(self.dead_letters()?.oldest(usize::MAX).await?)
    }

    async fn replay(&self, ids: &[String]) -> Result<(), BoxError> {
        self.replay_to(&self.queue().await?, ids).await
    }

    async fn books(&self) -> Result<FileBooks, BoxError> {
        self.open_books()
    }

    fn tell(&self, worker: &mut Command) {
        worker.arg("--dir").arg(self.0.dir());
    }
}

pub struct FileBooks {
    table: Connection,
    dead: Connection,
    between: Connection,
    /// The last frame that was seen.
    seen: i64,
}

impl Books for FileBooks {
    async fn recorded(&mut self) -> Result<Vec<String>, BoxError> {
        let new = "SELECT seq, frame FROM recorded WHERE seq > ?1 ORDER BY seq";
        let mut new = self.table.prepare_cached(new)?;
        let mut rows = new.query([self.seen])?;
        let mut frames = Vec::new();
        while let Some(row) = rows.next()? {
            self.seen = row.get(0)?;
            frames.push(row.get(1)?);
        }
        Ok(frames)
    }

    async fn done(&self) -> Result<u64, BoxError> {
        let rows = "SELECT coalesce(max(rowid), 0) FROM reports";
        let rows: u64 = self.table.query_row(rows, [], |row| row.get(0))?;
        let letters = "SELECT count(*) FROM brigade_dead_letter";
        let letters: u64 = self.dead.query_row(letters, [], |row| row.get(0))?;
        Ok(rows + letters)
    }

    async fn ends(&self) -> Result<Ends, BoxError> {
        let mut rows = self
            .table
            .prepare("SELECT number, count(*) FROM reports GROUP BY number")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut letters = self
            .dead
            .prepare("SELECT id, stage FROM brigade_dead_letter")?;
        let letters = letters.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut ticks = self
            .table
            .prepare("SELECT tick, count(*) FROM totals GROUP BY tick")?;
        let ticks = ticks.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Ends {
            ticks: ticks.collect::<rusqlite::Result<_>>()?,
            rows: rows.collect::<rusqlite::Result<_>>()?,
            letters: letters.collect::<rusqlite::Result<_>>()?,
        })
    }

    async fn told(&self) -> Result<u64, BoxError> {
        let told = "SELECT coalesce(max(last), 0) FROM brigade_broadcast";
        Ok(self.between.query_row(told, [], |row| row.get(0))?)
    }
}
