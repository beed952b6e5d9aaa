//! Tasks that are finished, for as long as they are kept, and those of them that begin again.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::age::{before, now};

/// How much is dropped in one transaction, so that nobody waits for long.
pub(super) const PRUNED: usize = 1000;

/// Replaces: a task that is finished again counts from its last end on, in time and in order.
const FINISH: &str = "INSERT OR REPLACE INTO brigade_finished (task, at) VALUES (?1, ?2)";
const IS_FINISHED: &str = "SELECT 1 FROM brigade_finished WHERE task = ?1";
const IS_ANY_FINISHED: &str = "SELECT 1 FROM brigade_finished LIMIT 1";
const DROP_FRAMES: &str = "DELETE FROM brigade_frames WHERE task = ?1";
const DROP_FINISHED: &str = "DELETE FROM brigade_finished WHERE task = ?1";
const DROP_COMPLETED: &str = "DELETE FROM brigade_completed WHERE task = ?1";
/// With numbers of their own, so that what is old stays in front.
const RENEW_FRAMES: &str = "INSERT OR REPLACE INTO brigade_frames (task, key, value, at)
    SELECT task, key, value, ?2 FROM brigade_frames WHERE task = ?1 ORDER BY seq";
const RENEW_COMPLETED: &str = "INSERT OR REPLACE INTO brigade_completed (task, at)
    SELECT task, ?2 FROM brigade_completed WHERE task = ?1";
/// A task goes as a whole.
const DROP_OLD_FRAMES: &str = "DELETE FROM brigade_frames AS old
    WHERE seq IN (SELECT seq FROM brigade_frames ORDER BY seq LIMIT ?1) AND at < ?2
    AND NOT EXISTS (SELECT 1 FROM brigade_frames AS young WHERE young.task = old.task AND young.at >= ?2)";
const DROP_OLD_COMPLETED: &str = "DELETE FROM brigade_completed
    WHERE seq IN (SELECT seq FROM brigade_completed ORDER BY seq LIMIT ?1) AND at < ?2";
/// Of the oldest: those that are too old, and those that are too many.
const OLD_FINISHED: &str =
    "SELECT task FROM (SELECT seq, task, at FROM brigade_finished ORDER BY seq LIMIT ?1)
    WHERE at < ?2 OR seq <= (SELECT max(seq) FROM brigade_finished) - ?3";

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) unfinished: Duration,
    pub(super) finished: Duration,
    /// The most finished tasks.
    pub(super) tasks: usize,
}

pub(super) fn finish(
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

/// Those of the tasks that are finished.
///
/// Where no finished tasks are kept there are none, and that is seen at once.
pub(super) fn finished<'t>(
    connection: &Connection,
    tasks: impl Iterator<Item = &'t str>,
) -> rusqlite::Result<Vec<&'t str>> {
    let mut finished = Vec::new();
    if connection.prepare_cached(IS_ANY_FINISHED)?.exists([])? {
        let mut is_finished = connection.prepare_cached(IS_FINISHED)?;
        for task in tasks {
            if is_finished.exists([task])? {
                finished.push(task);
            }
        }
    }
    Ok(finished)
}

/// The tasks are under way again, and what is kept of them is as young as that of new ones: it stays until they are
/// finished again.
pub(super) fn begin_again(transaction: &Transaction<'_>, tasks: &[&str]) -> rusqlite::Result<()> {
    let mut begin = transaction.prepare_cached(DROP_FINISHED)?;
    let mut frames = transaction.prepare_cached(RENEW_FRAMES)?;
    let mut completed = transaction.prepare_cached(RENEW_COMPLETED)?;
    let now = now();
    for task in tasks {
        begin.execute([task])?;
        frames.execute(params![task, now])?;
        completed.execute(params![task, now])?;
    }
    Ok(())
}

/// Drops some of what need not be kept any longer. Returns how much: if that is [`PRUNED`], there may be more.
pub(super) fn prune(
    transaction: &Transaction<'_>,
    Retention {
        unfinished,
        finished,
        tasks,
    }: Retention,
) -> rusqlite::Result<usize> {
    let too_many = i64::try_from(tasks).unwrap_or(i64::MAX);
    let old: Vec<Arc<str>> = transaction
        .prepare_cached(OLD_FINISHED)?
        .query_map(params![PRUNED, before(finished), too_many], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    forget(transaction, &old)?;
    let mut dropped = old.len();
    for drop_old in [DROP_OLD_FRAMES, DROP_OLD_COMPLETED] {
        let mut drop_old = transaction.prepare_cached(drop_old)?;
        dropped = dropped.max(drop_old.execute(params![PRUNED, before(unfinished)])?);
    }
    Ok(dropped)
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
