//! What lies in the tables of dead letters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline_runtime::queue::DeadLetter;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Statement, ToSql, params};

use crate::attributes::to_json;

const INSERT: &str = "
    INSERT INTO brigade_dead_letter (seq, id, original, stage, command, cause, attempts, receive_count, task,
        first_seen, failed_at, scope, grp, replays, priority, attributes, frames)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id, scope) DO NOTHING";

/// Puts letters in place of those of an earlier time, if there are any.
pub(super) fn put(connection: &Connection, letters: &[DeadLetter]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT)?;
    for (letter, seq) in letters.iter().zip(next(connection)?..) {
        let keys: Vec<_> = letter.frames.iter().map(|frame| &*frame.key).collect();
        let keys = keys_to_json(&keys)?;
        // Most have none, which the insert finds out by itself.
        if !insert_as(&mut insert, seq, letter, &keys)? {
            remove(connection, &letter.scope, &letter.id, None)?;
            insert_as(&mut insert, seq, letter, &keys)?;
        }
        put_values(connection, seq, letter)?;
    }
    Ok(())
}

/// The number of the letter that is written next: see [`super::schema`].
fn next(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = newest(connection)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = i64::try_from(since.unwrap_or_default().as_micros());
    Ok((newest + 1).max(micros.unwrap_or(0)))
}

/// The number of the letter that was written last; 0 if there is none.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = "SELECT ifnull(max(seq), 0) FROM brigade_dead_letter";
    connection
        .prepare_cached(newest)?
        .query_row([], |row| row.get(0))
}

/// Whether there was none of its message.
fn insert_as(
    insert: &mut Statement<'_>,
    seq: i64,
    letter: &DeadLetter,
    keys: &str,
) -> rusqlite::Result<bool> {
    let inserted = insert.execute(params![
        seq,
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
        letter.priority,
        to_json(&letter.attributes),
        keys,
    ])?;
    Ok(inserted > 0)
}

/// What is recorded of the frames of a letter.
fn put_values(connection: &Connection, seq: i64, letter: &DeadLetter) -> rusqlite::Result<()> {
    let insert = "INSERT INTO brigade_dead_value VALUES (?, ?, ?)";
    for (place, frame) in letter.frames.iter().enumerate() {
        if let Some(value) = &frame.value {
            let mut insert = connection.prepare_cached(insert)?;
            insert.execute((seq, place, readable(value)))?;
        }
    }
    Ok(())
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
    let values = "DELETE FROM brigade_dead_value WHERE letter = ?";
    connection.prepare_cached(values)?.execute([seq])?;
    let letter = "DELETE FROM brigade_dead_letter WHERE seq = ?";
    connection.prepare_cached(letter)?.execute([seq])
}

fn keys_to_json(keys: &[&str]) -> rusqlite::Result<String> {
    serde_json::to_string(keys)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
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
