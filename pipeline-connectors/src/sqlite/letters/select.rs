//! Which letters, and how they are read.

use pipeline_runtime::queue::{DeadFrame, DeadLetter};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use super::rows::{bytes, millis, time};
use crate::attributes::from_json;
use crate::replay::Only;

const SELECT: &str = "
    SELECT seq, id, original, stage, command, cause, attempts, receive_count, task, first_seen, failed_at, scope, grp, replays, priority, attributes, frames
    FROM brigade_dead_letter
    WHERE (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (:stage IS NULL OR stage = :stage OR substr(stage, -length(:stage) - 1) = '/' || :stage)
    AND (:cause IS NULL OR instr(cause, :cause) > 0)
    AND (:until IS NULL OR failed_at <= :until)";
/// People see first what was given up on first.
const ALL: &str = " ORDER BY failed_at, seq LIMIT :most";
/// Those who go through all of them one part after another know how far they are by the number.
const PART: &str = " AND seq > :after AND seq <= :newest ORDER BY seq LIMIT :most";
const VALUES: &str = "SELECT place, value FROM brigade_dead_value WHERE letter = ?";

/// Up to `most` of these, in the order in which they were written where they are told by number.
pub(super) fn read(
    only: &Only,
    connection: &Connection,
    most: i64,
) -> rusqlite::Result<Vec<(i64, DeadLetter)>> {
    let ids = only
        .ids
        .as_ref()
        .map(|ids| serde_json::json!(ids).to_string());
    let (stage, cause, until) = (&only.stage, &only.cause, only.until.map(millis));
    let mut select = connection.prepare_cached(&format!(
        "{SELECT}{}",
        if only.numbers.is_some() { PART } else { ALL }
    ))?;
    let letters: rusqlite::Result<Vec<_>> = if let Some((after, newest)) = only.numbers {
        let params = named_params! {
            ":ids": ids, ":stage": stage, ":cause": cause, ":until": until, ":most": most,
            ":after": after, ":newest": newest,
        };
        select.query_map(params, letter)?.collect()
    } else {
        let params = named_params! {
            ":ids": ids, ":stage": stage, ":cause": cause, ":until": until, ":most": most,
        };
        select.query_map(params, letter)?.collect()
    };
    let mut letters = letters?;
    let mut values = connection.prepare_cached(VALUES)?;
    for (seq, letter) in &mut letters {
        let mut values = values.query([*seq])?;
        while let Some(row) = values.next()? {
            if let Some(frame) = letter.frames.get_mut(row.get::<_, usize>(0)?) {
                frame.value = Some(bytes(row.get_ref(1)?));
            }
        }
    }
    Ok(letters)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<(i64, DeadLetter)> {
    let mut letter = DeadLetter::new(row.get::<_, String>("id")?, bytes(row.get_ref("original")?));
    letter.stage = row.get("stage")?;
    letter.command = row.get("command")?;
    letter.cause = row.get("cause")?;
    letter.attempts = row.get("attempts")?;
    letter.receive_count = row.get("receive_count")?;
    letter.task = row.get("task")?;
    letter.first_seen = time(row.get("first_seen")?);
    letter.failed_at = time(row.get("failed_at")?);
    letter.scope = row.get("scope")?;
    letter.group = row.get("grp")?;
    letter.replays = row.get("replays")?;
    letter.priority = row.get("priority")?;
    let attributes: Option<String> = row.get("attributes")?;
    // What is no object of texts tells nobody anything, and keeps no letter from being read.
    letter.attributes = from_json(attributes.as_deref()).unwrap_or_default();
    letter.frames = frames(row.get_ref("frames")?.as_str()?)?;
    Ok((row.get("seq")?, letter))
}

/// Without what is recorded of them.
fn frames(keys: &str) -> rusqlite::Result<Vec<DeadFrame>> {
    let keys: Vec<String> = serde_json::from_str(keys).map_err(unreadable)?;
    let frame = |key| DeadFrame { key, value: None };
    Ok(keys.into_iter().map(frame).collect())
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}
