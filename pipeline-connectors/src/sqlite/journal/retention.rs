//! What is kept, and for how long.
//!
//! Ages are told by the machine's clock, which may jump: a machine that was suspended, or one whose clock was wrong until
//! it was set. So nothing goes before it was too old at two looks that are really [`APART`], by how long the machine is up:
//! what is under way then has begun again by the second, or is worked on by nobody.

use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::age::{Uptime, millis, now};

/// How much is dropped in one transaction, so that nobody waits for long.
pub(super) const PRUNED: usize = 2000;

/// How far apart two looks are at least.
const APART: Duration = Duration::from_secs(10 * 60);

const LOOKED: &str = "SELECT looked, boot, up FROM brigade_journal";
const LOOK: &str = "UPDATE brigade_journal SET looked = ?1, boot = ?2, up = ?3";
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
    let last = Look::last(transaction)?;
    let look = Look::now();
    // A clock that goes back clears what an earlier look has seen.
    if look.at < last.at {
        look.note(transaction)?;
        return Ok(0);
    }
    if !look.is_apart(&last) {
        return Ok(0);
    }
    let before = |age| last.at.saturating_sub(millis(age));
    let mut dropped = drop_all(transaction, OLD_DONE, PRUNED, before(retention.done))?;
    if dropped < PRUNED {
        dropped = drop_all(transaction, OLD, PRUNED, before(retention.unfinished))?;
    }
    if dropped < PRUNED {
        look.note(transaction)?;
    }
    Ok(dropped)
}

/// When it is looked for what is too old.
struct Look {
    at: i64,
    uptime: Option<Uptime>,
}

impl Look {
    fn now() -> Self {
        Self {
            at: now(),
            uptime: Uptime::now(),
        }
    }

    fn last(connection: &Connection) -> rusqlite::Result<Self> {
        let mut looked = connection.prepare_cached(LOOKED)?;
        looked.query_row([], |row| {
            let (boot, up): (Option<String>, Option<i64>) = (row.get(1)?, row.get(2)?);
            Ok(Self {
                at: row.get(0)?,
                uptime: boot.zip(up).map(|(boot, millis)| Uptime { boot, millis }),
            })
        })
    }

    fn note(&self, connection: &Connection) -> rusqlite::Result<()> {
        let boot = self.uptime.as_ref().map(|uptime| &uptime.boot);
        let up = self.uptime.as_ref().map(|uptime| uptime.millis);
        let mut look = connection.prepare_cached(LOOK)?;
        look.execute(params![self.at, boot, up])?;
        Ok(())
    }

    /// Whether this look is late enough after the last one. The clock is asked only where the machine has been started
    /// anew since then, or does not tell.
    fn is_apart(&self, last: &Self) -> bool {
        let apart = match (&self.uptime, &last.uptime) {
            (Some(now), Some(then)) if now.boot == then.boot => now.millis - then.millis,
            _ => self.at - last.at,
        };
        apart >= millis(APART)
    }
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
