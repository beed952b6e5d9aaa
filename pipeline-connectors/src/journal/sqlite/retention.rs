//! What is kept, and for how long.
//!
//! Ages are told by the machine's clock, which may jump: a machine that was suspended, or one whose clock was wrong until
//! it was set. So nothing goes before it was too old at two looks that are [`APART`] by that clock: what is under way
//! then has begun again by the second, or is worked on by nobody.

use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::age::{millis, now};

/// How much is dropped in one transaction, so that nobody waits for long.
pub(super) const PRUNED: usize = 2000;

/// How far apart two looks are at least.
const APART: Duration = Duration::from_secs(10 * 60);

/// A clock that goes back clears what an earlier look has seen.
const LOOKED: &str = "SELECT looked FROM brigade_journal";
const LOOK: &str = "UPDATE brigade_journal SET looked = ?1";
const OLD: &str = "SELECT epoch, task, scope FROM brigade_tasks WHERE state < 2 AND at < ?2
    ORDER BY epoch LIMIT ?1";
const OLD_DONE: &str = "SELECT epoch, task, scope FROM brigade_tasks WHERE state = 2 AND at < ?2
    ORDER BY at LIMIT ?1";
const COUNT: &str = "SELECT count(*) FROM brigade_tasks WHERE state = 2";
const DROP_FRAMES: &str = "DELETE FROM brigade_frames WHERE task = ?1 AND scope = ?2";
const DROP_TASK: &str = "DELETE FROM brigade_tasks WHERE epoch = ?1";

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) unfinished: Duration,
    pub(super) done: Duration,
    /// The most tasks that are remembered as done.
    pub(super) tasks: usize,
}

impl Retention {
    /// Whether a task is remembered at all when it is done.
    pub(super) fn remembers(self) -> bool {
        !self.done.is_zero() && self.tasks > 0
    }
}

/// How many are remembered as done beyond those that may be.
pub(super) fn too_many(connection: &Connection, retention: Retention) -> rusqlite::Result<usize> {
    let count: usize = connection
        .prepare_cached(COUNT)?
        .query_row([], |row| row.get(0))?;
    Ok(count.saturating_sub(retention.tasks))
}

/// Drops the oldest of those that are done, whatever their age.
pub(super) fn drop_done(transaction: &Transaction<'_>, most: usize) -> rusqlite::Result<usize> {
    drop_all(transaction, OLD_DONE, most.min(PRUNED), i64::MAX)
}

/// Drops some of what was too old at the last look already. Returns how much: if that is [`PRUNED`], there may be more.
pub(super) fn drop_old(
    transaction: &Transaction<'_>,
    retention: Retention,
) -> rusqlite::Result<usize> {
    let looked: i64 = transaction
        .prepare_cached(LOOKED)?
        .query_row([], |row| row.get(0))?;
    let now = now();
    let mut look = transaction.prepare_cached(LOOK)?;
    if now < looked {
        look.execute([now])?;
        return Ok(0);
    }
    if now < looked.saturating_add(millis(APART)) {
        return Ok(0);
    }
    let before = |age| looked.saturating_sub(millis(age));
    let mut dropped = drop_all(transaction, OLD_DONE, PRUNED, before(retention.done))?;
    if dropped < PRUNED {
        dropped = drop_all(transaction, OLD, PRUNED, before(retention.unfinished))?;
    }
    if dropped < PRUNED {
        look.execute([now])?;
    }
    Ok(dropped)
}

fn drop_all(
    transaction: &Transaction<'_>,
    which: &str,
    most: usize,
    before: i64,
) -> rusqlite::Result<usize> {
    let mut old = transaction.prepare_cached(which)?;
    let old = old.query_map(params![most, before], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let old = old.collect::<rusqlite::Result<Vec<(i64, String, String)>>>()?;
    let mut frames = transaction.prepare_cached(DROP_FRAMES)?;
    let mut tasks = transaction.prepare_cached(DROP_TASK)?;
    for (epoch, task, scope) in &old {
        frames.execute([task, scope])?;
        tasks.execute([epoch])?;
    }
    Ok(old.len())
}
