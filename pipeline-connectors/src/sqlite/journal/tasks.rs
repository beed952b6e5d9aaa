//! Tasks under way, and who has them; tasks that are done, for as long as that is remembered.

use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Frame, Recorded, Restore, Restored, TaskName,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Transaction, params};

use super::age::now;
use super::retention::Retention;

/// The last epoch of so many.
const EPOCHS: &str = "UPDATE brigade_journal SET epoch = epoch + ?1 RETURNING epoch";
/// A task that is under way already is now that of the delivery which begins.
const BEGIN: &str =
    "INSERT INTO brigade_tasks (epoch, scope, task, message, state, at) VALUES (?1, ?2, ?3, ?4, 0, ?5)
    ON CONFLICT (task, scope) DO UPDATE SET epoch = ?1, message = ?4, at = ?5 WHERE state = 0";
const MESSAGE: &str = "SELECT message FROM brigade_tasks WHERE task = ?1 AND scope = ?2";
const KNOWN: &str = "SELECT message, state FROM brigade_tasks WHERE task = ?1 AND scope = ?2";
const DROP_TASK: &str = "DELETE FROM brigade_tasks WHERE task = ?1 AND scope = ?2";
const FRAMES: &str =
    "SELECT key, value FROM brigade_frames WHERE task = ?1 AND scope = ?2 ORDER BY seq";
const IS_NEWEST: &str =
    "SELECT 1 FROM brigade_tasks WHERE epoch = ?1 AND task = ?2 AND scope = ?3 AND state = 0";
const RECORD: &str = "INSERT INTO brigade_frames (scope, task, key, value) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (task, scope, key) DO UPDATE SET value = excluded.value";
const ADD: &str = "INSERT INTO brigade_frames (scope, task, key, value) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (task, scope, key) DO NOTHING";
const COMPLETE: &str = "UPDATE brigade_tasks SET state = 1, at = ?4
    WHERE epoch = ?1 AND task = ?2 AND scope = ?3 AND state = 0";
const IS_COMPLETE: &str =
    "SELECT 1 FROM brigade_tasks WHERE epoch = ?1 AND task = ?2 AND scope = ?3 AND state > 0";
const DONE: &str = "UPDATE brigade_tasks SET state = 2, at = ?4
    WHERE epoch = ?1 AND task = ?2 AND scope = ?3";
/// Not one whose rows are written: they would be written again. Nor, if that is remembered, one of a message that can be
/// told from the one which comes when it is replayed.
const DROP: &str = "DELETE FROM brigade_tasks
    WHERE epoch = ?1 AND task = ?2 AND scope = ?3 AND state = 0 AND (message IS NULL OR NOT ?4)";
const DROP_FRAMES: &str = "DELETE FROM brigade_frames WHERE task = ?1 AND scope = ?2";
const FORGET: &str = "DELETE FROM brigade_frames WHERE task = ?1 AND scope = ?2 AND key = ?3";

pub(super) fn begin(
    transaction: &Transaction<'_>,
    tasks: &[Begin],
) -> rusqlite::Result<Vec<Begun>> {
    let last: i64 = transaction
        .prepare_cached(EPOCHS)?
        .query_row([tasks.len()], |row| row.get(0))?;
    let mut begin = transaction.prepare_cached(BEGIN)?;
    let mut frames = transaction.prepare_cached(FRAMES)?;
    let epochs = last + 1 - i64::try_from(tasks.len()).unwrap_or(i64::MAX)..=last;
    let now = now();
    let begun = epochs.zip(tasks).map(|(epoch, Begin { task, message })| {
        let TaskName { scope, id } = task;
        let values = params![epoch, &**scope, &**id, message.as_deref(), now];
        if begin.execute(values)? == 0 {
            if is_of(transaction, task, message.as_deref())? {
                return Ok(Begun::Done);
            }
            // A new task of an old name.
            transaction
                .prepare_cached(DROP_TASK)?
                .execute(names(task))?;
            drop_frames(transaction, task)?;
            begin.execute(values)?;
        }
        Ok(Begun::Open {
            epoch: epoch.unsigned_abs(),
            frames: recorded(&mut frames, task)?,
        })
    });
    begun.collect()
}

/// Whether the message of a task that is done may be this one.
fn is_of(
    connection: &Connection,
    task: &TaskName,
    message: Option<&str>,
) -> rusqlite::Result<bool> {
    let done: Option<String> = connection
        .prepare_cached(MESSAGE)?
        .query_row(names(task), |row| row.get(0))
        .optional()?
        .flatten();
    Ok(match (message, done) {
        (Some(message), Some(done)) => message == done,
        _ => true,
    })
}

fn recorded(frames: &mut CachedStatement<'_>, task: &TaskName) -> rusqlite::Result<Vec<Recorded>> {
    let rows = frames.query_map(names(task), |row| {
        Ok(Recorded {
            key: row.get_ref(0)?.as_str()?.into(),
            value: row.get_ref(1)?.as_blob()?.into(),
        })
    })?;
    rows.collect()
}

/// Each for its message, unless it was restored, or has begun, for that before.
pub(super) fn restore(
    transaction: &Transaction<'_>,
    tasks: &[Restore],
) -> rusqlite::Result<Vec<Restored>> {
    let restored = tasks
        .iter()
        .map(|restore| restore_one(transaction, restore));
    restored.collect()
}

fn restore_one(transaction: &Transaction<'_>, restore: &Restore) -> rusqlite::Result<Restored> {
    let Begin { task, message } = &restore.begin;
    let known: Option<(Option<String>, i64)> = transaction
        .prepare_cached(KNOWN)?
        .query_row(names(task), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((of, state)) = known {
        let is_done = state > 0;
        if of.is_some() && of.as_deref() == message.as_deref() {
            return Ok(if is_done {
                Restored::Done
            } else {
                Restored::Open
            });
        }
        if is_done {
            // A new task of an old name, whether its message then had a number or not.
            transaction
                .prepare_cached(DROP_TASK)?
                .execute(names(task))?;
            drop_frames(transaction, task)?;
        }
    }
    begin(transaction, std::slice::from_ref(&restore.begin))?;
    let recorded = recorded(&mut transaction.prepare_cached(FRAMES)?, task)?;
    for Recorded { key, .. } in recorded {
        if restore.forget.forgets(&key) {
            forget(transaction, task, &key)?;
        }
    }
    let mut add = transaction.prepare_cached(ADD)?;
    for Recorded { key, value } in &restore.frames {
        add.execute(params![&*task.scope, &*task.id, &**key, &**value])?;
    }
    Ok(Restored::Open)
}

/// Those that were fenced, by their index.
pub(super) fn record(
    transaction: &Transaction<'_>,
    frames: &[Frame],
) -> rusqlite::Result<Vec<usize>> {
    let mut is_newest = transaction.prepare_cached(IS_NEWEST)?;
    let mut record = transaction.prepare_cached(RECORD)?;
    let mut fenced = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let TaskName { scope, id } = &frame.task;
        if is_newest.exists(params![number(frame.epoch), &**id, &**scope])? {
            record.execute(params![&**scope, &**id, &*frame.key, &*frame.value])?;
        } else {
            fenced.push(index);
        }
    }
    Ok(fenced)
}

/// What became of a task whose rows are about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    /// In the same transaction as the rows.
    Now,
    /// They were written before, under the same epoch.
    Before,
    /// Another delivery has it.
    Fenced,
}

pub(super) fn complete(
    transaction: &Transaction<'_>,
    task: &TaskName,
    epoch: u64,
) -> rusqlite::Result<Completion> {
    let (epoch, TaskName { scope, id }) = (number(epoch), task);
    let mut complete = transaction.prepare_cached(COMPLETE)?;
    if complete.execute(params![epoch, &**id, &**scope, now()])? > 0 {
        return Ok(Completion::Now);
    }
    let mut is_complete = transaction.prepare_cached(IS_COMPLETE)?;
    Ok(if is_complete.exists(params![epoch, &**id, &**scope])? {
        Completion::Before
    } else {
        Completion::Fenced
    })
}

pub(super) fn finish(
    transaction: &Transaction<'_>,
    tasks: &[Finish],
    retention: Retention,
) -> rusqlite::Result<()> {
    let mut done = transaction.prepare_cached(DONE)?;
    let mut drop = transaction.prepare_cached(DROP)?;
    let now = now();
    for finish in tasks {
        let (epoch, TaskName { scope, id }) = (number(finish.epoch), &finish.task);
        let mut is_ours = 0;
        if finish.ending == Ending::Dropped || !retention.remembers() {
            is_ours = drop.execute(params![epoch, &**id, &**scope, retention.remembers()])?;
        }
        if is_ours == 0 {
            is_ours = done.execute(params![epoch, &**id, &**scope, now])?;
        }
        if is_ours > 0 {
            drop_frames(transaction, &finish.task)?;
        }
    }
    Ok(())
}

/// Whether something was recorded under the key.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    task: &TaskName,
    key: &str,
) -> rusqlite::Result<bool> {
    let TaskName { scope, id } = task;
    let mut forget = transaction.prepare_cached(FORGET)?;
    Ok(forget.execute(params![&**id, &**scope, key])? > 0)
}

pub(super) fn drop_frames(connection: &Connection, task: &TaskName) -> rusqlite::Result<()> {
    let mut frames = connection.prepare_cached(DROP_FRAMES)?;
    frames.execute(names(task))?;
    Ok(())
}

fn names(TaskName { scope, id }: &TaskName) -> [&str; 2] {
    [id, scope]
}

/// Epochs are given by this file, so they fit.
fn number(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
