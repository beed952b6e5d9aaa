//! What lies in the tables of dead letters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline_runtime::queue::DeadLetter;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

/// Puts a letter in place of that of an earlier time, if there is one.
pub(super) fn put(connection: &Connection, letter: &DeadLetter) -> rusqlite::Result<()> {
    // Most have none, which the insert finds out by itself.
    if !insert(connection, letter)? {
        remove(connection, &letter.scope, &letter.id, None)?;
        insert(connection, letter)?;
    }
    Ok(())
}

/// Whether there was none of its message.
fn insert(connection: &Connection, letter: &DeadLetter) -> rusqlite::Result<bool> {
    let insert = "INSERT INTO brigade_dead_letter (id, original, stage, command, cause, attempts, receive_count, task,
        first_seen, failed_at, scope, grp, replays) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id, scope) DO NOTHING";
    let inserted = connection.prepare_cached(insert)?.execute((
        &letter.id,
        readable(&letter.original),
        &letter.stage,
        &letter.command,
        &letter.cause,
        letter.attempts,
        letter.receive_count,
        &letter.task,
        millis(letter.first_seen),
        millis(letter.failed_at),
        &letter.scope,
        &letter.group,
        letter.replays,
    ))?;
    if inserted == 0 {
        return Ok(false);
    }
    let seq = connection.last_insert_rowid();
    let insert = "INSERT INTO brigade_dead_frame VALUES (?, ?, ?, ?)";
    let mut insert = connection.prepare_cached(insert)?;
    for (place, frame) in letter.frames.iter().enumerate() {
        let value = frame.value.as_deref().map(readable);
        insert.execute((seq, place, &frame.key, value))?;
    }
    Ok(true)
}

/// Removes the letter of a message, if it is of that time.
pub(super) fn remove(
    connection: &Connection,
    scope: &str,
    id: &str,
    failed_at: Option<i64>,
) -> rusqlite::Result<usize> {
    let letter = "SELECT seq FROM brigade_dead_letter
        WHERE id = ?2 AND scope = ?1 AND failed_at = ifnull(?3, failed_at)";
    let seq = connection
        .prepare_cached(letter)?
        .query_row((scope, id, failed_at), |row| row.get(0))
        .optional()?;
    seq.map_or(Ok(0), |seq| remove_numbered(connection, seq))
}

/// Removes the letter of this number, if it is there.
pub(super) fn remove_numbered(connection: &Connection, seq: i64) -> rusqlite::Result<usize> {
    let frames = "DELETE FROM brigade_dead_frame WHERE letter = ?";
    connection.prepare_cached(frames)?.execute([seq])?;
    let letter = "DELETE FROM brigade_dead_letter WHERE seq = ?";
    connection.prepare_cached(letter)?.execute([seq])
}

fn readable(bytes: &[u8]) -> impl ToSql + use<'_> {
    let value = match std::str::from_utf8(bytes) {
        Ok(_) => ValueRef::Text(bytes),
        Err(_) => ValueRef::Blob(bytes),
    };
    rusqlite::types::ToSqlOutput::Borrowed(value)
}

pub(super) fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    }
}

pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
