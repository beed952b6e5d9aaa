//! A letter as a row.

use std::time::SystemTime;

use pipeline_runtime::queue::{DeadFrame, DeadLetter};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use crate::attributes::{from_json, to_json};
use crate::postgres::line::Value;

/// In the order of [`letter`], behind the number.
const COLUMNS: &str =
    "id, scope, body, bytes, stage, command, cause, attempts, receive_count, task, grp, replays,
    first_seen, failed_at, keys, contents, attributes, priority";

/// What reads letters; the number is the first column.
pub(super) fn select(schema: &str) -> String {
    format!("SELECT seq, {COLUMNS} FROM {schema}.letter")
}

/// Puts a letter in place of that of an earlier time, if there is one.
pub(super) async fn put(
    transaction: &Transaction<'_>,
    schema: &str,
    letter: &DeadLetter,
) -> Result<(), tokio_postgres::Error> {
    let replaced: Vec<_> = COLUMNS
        .split(',')
        .map(str::trim)
        .map(|column| format!("{column} = EXCLUDED.{column}"))
        .collect();
    let sql = format!(
        "INSERT INTO {schema}.letter ({COLUMNS})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (id, scope) DO UPDATE SET seq = EXCLUDED.seq, {}",
        replaced.join(", ")
    );
    let text = std::str::from_utf8(&letter.original).ok();
    let text = text.filter(|text| !text.contains('\0'));
    let bytes = text.is_none().then_some(&*letter.original);
    // What is only for people may be said otherwise.
    let [stage, command, cause] =
        [&letter.stage, &letter.command, &letter.cause].map(|text| text.replace('\0', "\u{fffd}"));
    let counts = [letter.attempts, letter.receive_count, letter.replays].map(i64::from);
    let keys: Vec<_> = letter.frames.iter().map(|frame| &*frame.key).collect();
    let contents = letter.frames.iter().map(|frame| frame.value.as_deref());
    let contents: Vec<_> = contents.collect();
    let attributes = to_json(&letter.attributes);
    let values: [Value<'_>; 18] = [
        (&letter.id, Type::TEXT),
        (&letter.scope, Type::TEXT),
        (&text, Type::TEXT),
        (&bytes, Type::BYTEA),
        (&stage, Type::TEXT),
        (&command, Type::TEXT),
        (&cause, Type::TEXT),
        (&counts[0], Type::INT8),
        (&counts[1], Type::INT8),
        (&letter.task, Type::TEXT),
        (&letter.group, Type::TEXT),
        (&counts[2], Type::INT8),
        (&letter.first_seen, Type::TIMESTAMPTZ),
        (&letter.failed_at, Type::TIMESTAMPTZ),
        (&keys, Type::TEXT_ARRAY),
        (&contents, Type::BYTEA_ARRAY),
        (&attributes, Type::TEXT),
        (&letter.priority, Type::INT2),
    ];
    transaction.execute_typed(&sql, &values).await?;
    Ok(())
}

/// A letter with its number.
pub(super) fn letter(row: &Row) -> Result<(i64, DeadLetter), tokio_postgres::Error> {
    let original = match row.try_get::<_, Option<String>>("body")? {
        Some(text) => text.into_bytes(),
        None => row
            .try_get::<_, Option<Vec<u8>>>("bytes")?
            .unwrap_or_default(),
    };
    let count = |column| -> Result<u32, tokio_postgres::Error> {
        let count: i64 = row.try_get(column)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    };
    let time = |column| row.try_get::<_, SystemTime>(column);
    let mut letter = DeadLetter::new(row.try_get::<_, String>("id")?, original);
    letter.scope = row.try_get("scope")?;
    letter.stage = row.try_get("stage")?;
    letter.command = row.try_get("command")?;
    letter.cause = row.try_get("cause")?;
    letter.attempts = count("attempts")?;
    letter.receive_count = count("receive_count")?;
    letter.task = row.try_get("task")?;
    letter.group = row.try_get("grp")?;
    letter.replays = count("replays")?;
    letter.priority = row.try_get("priority")?;
    letter.first_seen = time("first_seen")?;
    letter.failed_at = time("failed_at")?;
    // What is no object of texts tells nobody anything.
    letter.attributes = from_json(row.try_get("attributes")?).unwrap_or_default();
    let keys: Vec<String> = row.try_get("keys")?;
    let contents: Vec<Option<Vec<u8>>> = row.try_get("contents")?;
    let frames = keys.into_iter().zip(contents);
    letter.frames = frames
        .map(|(key, value)| DeadFrame { key, value })
        .collect();
    Ok((row.try_get("seq")?, letter))
}
