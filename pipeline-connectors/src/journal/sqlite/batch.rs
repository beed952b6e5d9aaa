//! What the thread does with the connection.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline_runtime::journal::{Frame, JournalError, Recorded};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::Retention;
use super::stats::Counts;
use super::thread::Ask;
use crate::sqlite::refused;

/// How often to look for what need not be kept any longer.
const PRUNED_EVERY: Duration = Duration::from_secs(10);

/// How much of it goes in one transaction, so that nobody waits for long.
const PRUNED: i64 = 1000;

const LOAD: &str = "SELECT key, value FROM brigade_frames WHERE task = ?1 ORDER BY seq";
const RECORD: &str = "INSERT INTO brigade_frames (task, key, value, at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (task, key) DO UPDATE SET value = excluded.value, at = excluded.at";
const FINISH: &str =
    "INSERT INTO brigade_finished (task, at) VALUES (?1, ?2) ON CONFLICT (task) DO NOTHING";
const DROP_FRAMES: &str = "DELETE FROM brigade_frames WHERE task = ?1";
const DROP_FINISHED: &str = "DELETE FROM brigade_finished WHERE task = ?1";
const DROP_COMPLETED: &str = "DELETE FROM brigade_completed WHERE task = ?1";
const DROP_OLD_FRAMES: &str = "DELETE FROM brigade_frames
    WHERE seq IN (SELECT seq FROM brigade_frames ORDER BY seq LIMIT ?1) AND at < ?2";
const DROP_OLD_COMPLETED: &str = "DELETE FROM brigade_completed
    WHERE seq IN (SELECT seq FROM brigade_completed ORDER BY seq LIMIT ?1) AND at < ?2";
/// Of the oldest: those that are too old, and those that are too many.
const OLD_FINISHED: &str =
    "SELECT task FROM (SELECT seq, task, at FROM brigade_finished ORDER BY seq LIMIT ?1)
    WHERE at < ?2 OR seq <= (SELECT max(seq) FROM brigade_finished) - ?3";

pub(super) struct Batches {
    connection: Connection,
    retention: Retention,
    busy_timeout: Duration,
    prune_at: Instant,
    stats: Arc<Counts>,
}

impl Batches {
    pub(super) fn new(
        connection: Connection,
        retention: Retention,
        busy_timeout: Duration,
        stats: Arc<Counts>,
    ) -> Self {
        Self {
            connection,
            retention,
            busy_timeout,
            prune_at: Instant::now(),
            stats,
        }
    }

    pub(super) fn load(&self, tasks: &[Arc<str>]) -> Result<Vec<Vec<Recorded>>, JournalError> {
        let loaded = self.try_load(tasks);
        self.stats.loaded(tasks.len());
        loaded.map_err(|error| JournalError::new(refused(&error, self.busy_timeout)))
    }

    fn try_load(&self, tasks: &[Arc<str>]) -> rusqlite::Result<Vec<Vec<Recorded>>> {
        let mut load = self.connection.prepare_cached(LOAD)?;
        let mut frames = |task: &Arc<str>| {
            let recorded = load.query_map([&**task], |row| {
                Ok(Recorded {
                    key: row.get_ref(0)?.as_str()?.into(),
                    value: row.get_ref(1)?.as_blob()?.into(),
                })
            })?;
            recorded.collect()
        };
        tasks.iter().map(&mut frames).collect()
    }

    /// Everything that is to be written, in one transaction.
    pub(super) fn write(&mut self, writes: &[Ask]) -> Result<(), String> {
        let written = self.try_write(writes);
        written.map_err(|error| refused(&error, self.busy_timeout))
    }

    fn try_write(&mut self, writes: &[Ask]) -> rusqlite::Result<()> {
        let retention = self.retention;
        let (mut recorded, mut finished) = (0, 0);
        let transaction = self.begin()?;
        for write in writes {
            match write {
                Ask::Record(frames, _) => {
                    record(&transaction, frames)?;
                    recorded += frames.len();
                }
                Ask::Finish(tasks, _) => {
                    finish(&transaction, tasks, retention)?;
                    finished += tasks.len();
                }
                Ask::Load(..) => {}
            }
        }
        transaction.commit()?;
        self.stats.written(recorded, finished);
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

    fn try_prune(&mut self) -> rusqlite::Result<i64> {
        let Retention {
            unfinished,
            finished,
            tasks,
        } = self.retention;
        let transaction = self.begin()?;
        let too_old = before(finished);
        let too_many = i64::try_from(tasks).unwrap_or(i64::MAX);
        let old: Vec<Arc<str>> = transaction
            .prepare_cached(OLD_FINISHED)?
            .query_map(params![PRUNED, too_old, too_many], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        forget(&transaction, &old)?;
        let mut dropped = old.len();
        for drop_old in [DROP_OLD_FRAMES, DROP_OLD_COMPLETED] {
            let mut drop_old = transaction.prepare_cached(drop_old)?;
            dropped = dropped.max(drop_old.execute(params![PRUNED, before(unfinished)])?);
        }
        transaction.commit()?;
        Ok(i64::try_from(dropped).unwrap_or(i64::MAX))
    }
}

fn record(transaction: &Transaction<'_>, frames: &[Frame]) -> rusqlite::Result<()> {
    let mut record = transaction.prepare_cached(RECORD)?;
    let now = now();
    for Frame { task, key, value } in frames {
        record.execute(params![&**task, &**key, &**value, now])?;
    }
    Ok(())
}

fn finish(
    transaction: &Transaction<'_>,
    tasks: &[Arc<str>],
    retention: Retention,
) -> rusqlite::Result<()> {
    if retention.finished.is_zero() || retention.tasks == 0 {
        return forget(transaction, tasks);
    }
    let mut finish = transaction.prepare_cached(FINISH)?;
    let now = now();
    for task in tasks {
        finish.execute(params![&**task, now])?;
    }
    Ok(())
}

/// Nothing is left of the tasks.
fn forget(transaction: &Transaction<'_>, tasks: &[Arc<str>]) -> rusqlite::Result<()> {
    let mut frames = transaction.prepare_cached(DROP_FRAMES)?;
    let mut completed = transaction.prepare_cached(DROP_COMPLETED)?;
    let mut finished = transaction.prepare_cached(DROP_FINISHED)?;
    for task in tasks {
        for statement in [&mut frames, &mut completed, &mut finished] {
            statement.execute([&**task])?;
        }
    }
    Ok(())
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    before(Duration::ZERO)
}

/// The time that long ago.
fn before(age: Duration) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}
