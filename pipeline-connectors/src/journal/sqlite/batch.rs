//! What the thread does with the connection.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline_runtime::ErrorKind;
use pipeline_runtime::journal::{Frame, JournalError, Recorded};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::finished::PRUNED;
use super::stats::Counts;
use super::thread::Ask;
use super::{Retention, finished};
use crate::sqlite::{kind, refused};

/// How often to look for what need not be kept any longer.
const PRUNED_EVERY: Duration = Duration::from_secs(10);

const LOAD: &str = "SELECT key, value, at FROM brigade_frames WHERE task = ?1 ORDER BY seq";
const RECORD: &str = "INSERT INTO brigade_frames (task, key, value, at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (task, key) DO UPDATE SET value = excluded.value, at = excluded.at";

pub(super) struct Batches {
    connection: Connection,
    retention: Retention,
    busy_timeout: Duration,
    /// Whether what is recorded is to survive a power failure.
    durable: bool,
    /// Whether the next commit waits for the disk, if it is.
    waits: bool,
    prune_at: Instant,
    stats: Arc<Counts>,
}

impl Batches {
    pub(super) fn new(
        connection: Connection,
        retention: Retention,
        busy_timeout: Duration,
        durable: bool,
        stats: Arc<Counts>,
    ) -> Self {
        Self {
            connection,
            retention,
            busy_timeout,
            durable,
            waits: true,
            prune_at: Instant::now(),
            stats,
        }
    }

    pub(super) fn load(&mut self, tasks: &[Arc<str>]) -> Result<Vec<Vec<Recorded>>, JournalError> {
        let loaded = self.try_load(tasks);
        self.stats.loaded(tasks.len());
        loaded.map_err(|error| JournalError::new(kind(&error), refused(&error, self.busy_timeout)))
    }

    fn try_load(&mut self, tasks: &[Arc<str>]) -> rusqlite::Result<Vec<Vec<Recorded>>> {
        // This is the only place that sees every task that begins: one whose stages are all recorded records nothing. What
        // is read for good is read after it was made young, so that it is not dropped meanwhile.
        let (loaded, mut again) = self.frames(tasks)?;
        let tasks_by_name = tasks.iter().map(|task| &**task);
        again.extend(finished::finished(&self.connection, tasks_by_name)?);
        if again.is_empty() {
            return Ok(loaded);
        }
        self.begin_again(&again)?;
        Ok(self.frames(tasks)?.0)
    }

    /// What is recorded of the tasks, and those of them that would soon be too old to be kept.
    fn frames<'t>(
        &self,
        tasks: &'t [Arc<str>],
    ) -> rusqlite::Result<(Vec<Vec<Recorded>>, Vec<&'t str>)> {
        let half = before(self.retention.unfinished / 2);
        let mut load = self.connection.prepare_cached(LOAD)?;
        let (mut loaded, mut old) = (Vec::with_capacity(tasks.len()), Vec::new());
        for task in tasks {
            let (mut frames, mut oldest) = (Vec::new(), i64::MAX);
            let mut rows = load.query([&**task])?;
            while let Some(row) = rows.next()? {
                frames.push(Recorded {
                    key: row.get_ref(0)?.as_str()?.into(),
                    value: row.get_ref(1)?.as_blob()?.into(),
                });
                oldest = oldest.min(row.get(2)?);
            }
            loaded.push(frames);
            if oldest < half {
                old.push(&**task);
            }
        }
        Ok((loaded, old))
    }

    /// The tasks are under way, and as young as new ones.
    ///
    /// It never waits for the disk: what a power failure undoes is done again
    /// when the task comes again.
    fn begin_again(&mut self, tasks: &[&str]) -> rusqlite::Result<()> {
        self.wait_for_disk(false)?;
        let transaction = self.begin()?;
        finished::begin_again(&transaction, tasks)?;
        transaction.commit()?;
        self.stats.written(0, 0);
        Ok(())
    }

    /// Everything that is to be written, in one transaction.
    pub(super) fn write(&mut self, writes: &[Ask]) -> Result<(), (ErrorKind, String)> {
        let written = self.try_write(writes);
        written.map_err(|error| (kind(&error), refused(&error, self.busy_timeout)))
    }

    fn try_write(&mut self, writes: &[Ask]) -> rusqlite::Result<()> {
        let retention = self.retention;
        let (mut recorded, mut finished) = (0, 0);
        self.wait_for_disk(writes.iter().any(|write| matches!(write, Ask::Record(..))))?;
        let transaction = self.begin()?;
        for write in writes {
            match write {
                Ask::Record(frames, _) => {
                    record(&transaction, frames)?;
                    recorded += frames.len();
                }
                Ask::Finish(tasks, _) => {
                    finished::finish(&transaction, tasks, retention)?;
                    finished += tasks.len();
                }
                Ask::Load(..) => {}
            }
        }
        transaction.commit()?;
        self.stats.written(recorded, finished);
        Ok(())
    }

    /// That a task is finished may be lost: its frames then go with their age.
    fn wait_for_disk(&mut self, records: bool) -> rusqlite::Result<()> {
        if self.durable && self.waits != records {
            let value = if records { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", value)?;
            self.waits = records;
        }
        Ok(())
    }

    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        // Immediate, so that a locked database shows before anything is written.
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Drops some of what need not be kept any longer, if it is time to.
    pub(super) fn prune(&mut self) {
        if Instant::now() >= self.prune_at {
            self.prune_now();
        }
    }

    pub(super) fn prune_now(&mut self) {
        match self.try_prune() {
            // There may be more.
            Ok(dropped) if dropped >= PRUNED => {}
            Ok(_) => self.prune_at = Instant::now() + PRUNED_EVERY,
            Err(error) => {
                // It can wait.
                let why = refused(&error, self.busy_timeout);
                tracing::warn!(%why, "cannot drop old tasks from the journal");
                self.prune_at = Instant::now() + PRUNED_EVERY;
            }
        }
    }

    fn try_prune(&mut self) -> rusqlite::Result<usize> {
        let retention = self.retention;
        let transaction = self.begin()?;
        let dropped = finished::prune(&transaction, retention)?;
        transaction.commit()?;
        Ok(dropped)
    }
}

fn record(transaction: &Transaction<'_>, frames: &[Frame]) -> rusqlite::Result<()> {
    // Another delivery of the same task may have finished it after this one was loaded.
    let tasks = frames.iter().map(|frame| &*frame.task);
    finished::begin_again(transaction, &finished::finished(transaction, tasks)?)?;
    let mut record = transaction.prepare_cached(RECORD)?;
    let now = now();
    for Frame { task, key, value } in frames {
        record.execute(params![&**task, &**key, &**value, now])?;
    }
    Ok(())
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    before(Duration::ZERO)
}

/// The time that long ago.
pub(super) fn before(age: Duration) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}
