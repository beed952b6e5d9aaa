//! What an operator sees of a queue: statements that read, and change nothing.

use std::time::{Duration, UNIX_EPOCH};

use pipeline_runtime::queue::{Filter, MessageInfo, MessageState, Pause, QueueStats};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::store::now;
use crate::attributes::from_json;

/// A queue of a file: its number, and what the ids of its messages without a name begin with.
#[derive(Debug, Clone)]
pub(super) struct Of {
    pub(super) queue: i64,
    pub(super) prefix: String,
}

/// Those that are ready; those that wait for a time; and those that wait for another. Each is found by an index, of which
/// all have to be looked at, since it has them in another order than that of their numbers. Their parameters are the queue, the number behind which
/// they are, the group, the time, how many, and how much of a body.
const READY: &str = "INDEXED BY brigade_queue_due WHERE queue = ?1 AND due = 0 AND seq > ?2";
const LATER: &str = "INDEXED BY brigade_queue_due WHERE queue = ?1 AND due > 0 AND +seq > ?2";
const BEHIND: &str = "INDEXED BY brigade_queue_grp
    WHERE grp IS NOT NULL AND queue = ?1 AND due IS NULL AND +seq > ?2";
const IN_GROUP: &str = "INDEXED BY brigade_queue_grp WHERE grp = ?3 AND queue = ?1 AND +seq > ?2";

const COLUMNS: &str = "seq, id, dedup, grp, due, taken, sent, priority, expires, receives, begun, attributes, last_error, octet_length(body) AS size";

fn is_so(state: Option<MessageState>) -> &'static str {
    match state {
        Some(MessageState::Ready) => "due <= ?4",
        Some(MessageState::Delayed) => "due > ?4 AND taken = 0",
        Some(MessageState::Taken) => "due > ?4 AND taken <> 0",
        Some(MessageState::Behind) => "due IS NULL",
        _ => "true",
    }
}

/// The statement that lists these.
pub(super) fn listing(filter: &Filter) -> String {
    let state = filter.of_state();
    let pieces: &[&str] = match (filter.of_group(), state) {
        (Some(_), _) => &[IN_GROUP],
        (None, Some(MessageState::Ready)) => &[READY, LATER],
        (None, Some(MessageState::Delayed | MessageState::Taken)) => &[LATER],
        (None, Some(MessageState::Behind)) => &[BEHIND],
        _ => &[READY, LATER, BEHIND],
    };
    let state = is_so(state);
    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| {
            format!(
                "SELECT * FROM (SELECT {COLUMNS}, substr(body, 1, ?6) AS body FROM brigade_queue
                {piece} AND {state} ORDER BY seq LIMIT ?5)"
            )
        })
        .collect();
    let pieces = pieces.join(" UNION ALL ");
    format!("{pieces} ORDER BY 1 LIMIT ?5")
}

impl Of {
    pub(super) fn list(
        &self,
        connection: &Connection,
        filter: &Filter,
        limit: usize,
    ) -> rusqlite::Result<Vec<MessageInfo>> {
        let now = now();
        let after = filter.behind().unwrap_or_default();
        let mut list = connection.prepare(&listing(filter))?;
        let rows = list.query_map(
            (
                self.queue,
                i64::try_from(after).unwrap_or(i64::MAX),
                filter.of_group().unwrap_or_default(),
                now,
                i64::try_from(limit).unwrap_or(i64::MAX),
                MessageInfo::PREVIEW,
            ),
            |row| self.message(row, now),
        )?;
        rows.collect()
    }

    /// With their whole bodies.
    pub(super) fn get(
        &self,
        connection: &Connection,
        id: &str,
    ) -> rusqlite::Result<Vec<MessageInfo>> {
        let now = now();
        let get = format!("SELECT {COLUMNS}, body FROM brigade_queue WHERE seq = ?1");
        let mut get = connection.prepare(&get)?;
        let mut found = Vec::new();
        for seq in self.find(connection, id)? {
            let message = get.query_row([seq], |row| self.message(row, now));
            found.extend(message.optional()?);
        }
        Ok(found)
    }

    /// The numbers of the messages of this id.
    pub(super) fn find(&self, connection: &Connection, id: &str) -> rusqlite::Result<Vec<i64>> {
        const NAMED: &str =
            "SELECT seq FROM brigade_queue WHERE id = ?1 AND queue = ?2 ORDER BY seq";
        const OWN: &str =
            "SELECT seq FROM brigade_queue WHERE seq = ?1 AND queue = ?2 AND id IS NULL";
        let mut named = connection.prepare_cached(NAMED)?;
        let named = named.query_map((id, self.queue), |row| row.get(0))?;
        let mut found = named.collect::<rusqlite::Result<Vec<i64>>>()?;
        let own = id
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix('-'));
        if let Some(seq) = own.and_then(|seq| seq.parse::<i64>().ok()) {
            let mut own = connection.prepare_cached(OWN)?;
            let own = own.query_row((seq, self.queue), |row| row.get::<_, i64>(0));
            found.extend(own.optional()?);
        }
        Ok(found)
    }

    pub(super) fn stats(&self, connection: &Connection) -> rusqlite::Result<QueueStats> {
        const READY: &str = "SELECT count(*) FROM brigade_queue WHERE queue = ?1 AND due <= ?2";
        const FIRST: &str =
            "SELECT sent FROM brigade_queue WHERE queue = ?1 AND due = 0 ORDER BY seq LIMIT 1";
        // Those whose delay or lease is over, of which nobody has said so yet.
        const PAST: &str =
            "SELECT min(sent) FROM brigade_queue WHERE queue = ?1 AND due > 0 AND due <= ?2";
        const LATER: &str =
            "SELECT count(*) FILTER (WHERE NOT taken), count(*) FILTER (WHERE taken),
            min(sent) FILTER (WHERE taken) FROM brigade_queue WHERE queue = ?1 AND due > ?2";
        // Of each group all but one wait for another, and one does not.
        const BEHIND: &str = "SELECT count(*) - count(DISTINCT grp) FROM brigade_queue
            WHERE grp IS NOT NULL AND queue = ?1";
        const NAMED: &str = "SELECT paused, expired FROM brigade_queue_name WHERE queue = ?1";
        let now = now();
        let at = (self.queue, now);
        let (delayed, taken, held): (u64, u64, Option<i64>) = connection
            .prepare_cached(LATER)?
            .query_row(at, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let first: Option<i64> = connection
            .prepare_cached(FIRST)?
            .query_row([self.queue], |row| row.get(0))
            .optional()?;
        let past: Option<i64> = connection
            .prepare_cached(PAST)?
            .query_row(at, |row| row.get(0))?;
        let (paused, expired): (Option<i64>, u64) = connection
            .prepare_cached(NAMED)?
            .query_row([self.queue], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut stats = QueueStats::default();
        stats.expired = expired;
        (stats.delayed, stats.taken) = (delayed, taken);
        stats.ready = connection
            .prepare_cached(READY)?
            .query_row(at, |row| row.get(0))?;
        stats.behind = connection
            .prepare_cached(BEHIND)?
            .query_row([self.queue], |row| row.get(0))?;
        let oldest = first.into_iter().chain(past).chain(held).min();
        stats.oldest = oldest.map(|sent| between(sent, now));
        stats.paused = paused.filter(|until| *until > now).map(|until| {
            if until == i64::MAX {
                Pause::UntilResumed
            } else {
                Pause::For(between(now, until))
            }
        });
        Ok(stats)
    }

    /// What other programs have written may be anything.
    fn message(&self, row: &Row<'_>, now: i64) -> rusqlite::Result<MessageInfo> {
        let seq: i64 = row.get("seq")?;
        let id = text(row.get_ref("id")?);
        let own = || format!("{}-{seq}", self.prefix);
        let body = bytes(row.get_ref("body")?);
        let mut message = MessageInfo::new(seq.unsigned_abs(), id.unwrap_or_else(own), body);
        message.dedup = text(row.get_ref("dedup")?);
        message.group = text(row.get_ref("grp")?);
        let due: Option<i64> = row.get("due")?;
        message.state = match due {
            None => MessageState::Behind,
            Some(due) if due <= now => MessageState::Ready,
            Some(_) if row.get("taken")? => MessageState::Taken,
            Some(_) => MessageState::Delayed,
        };
        let time = |millis: i64| UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs());
        message.due = due.filter(|due| *due > now).map(time);
        message.sent = time(row.get("sent")?);
        let priority: i64 = row.get("priority")?;
        message.priority = i16::try_from(priority).unwrap_or_default();
        message.expires = row.get::<_, Option<i64>>("expires")?.map(time);
        let count = |column| -> rusqlite::Result<u32> {
            let count: i64 = row.get(column)?;
            Ok(u32::try_from(count).unwrap_or_default())
        };
        (message.receives, message.begun) = (count("receives")?, count("begun")?);
        message.last_error = text(row.get_ref("last_error")?);
        let attributes = text(row.get_ref("attributes")?);
        message.attributes = from_json(attributes.as_deref()).unwrap_or_default();
        message.size = row.get("size")?;
        Ok(message)
    }
}

/// From the one time to the other, in milliseconds.
fn between(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}

fn text(value: ValueRef<'_>) -> Option<String> {
    (value != ValueRef::Null).then(|| String::from_utf8_lossy(&bytes(value)).into_owned())
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Null => Vec::new(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;
    use crate::sqlite::queue::SqliteQueue;

    #[test]
    fn what_is_listed_is_found_by_an_index_of_its_queue() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work.db");
        let queue: SqliteQueue = Sqlite::open(&path).unwrap().queue("jobs").open().unwrap();
        let connection = Connection::open(&path).unwrap();
        let mut filters = vec![Filter::default(), Filter::default().group("g")];
        for state in [
            MessageState::Ready,
            MessageState::Delayed,
            MessageState::Taken,
            MessageState::Behind,
        ] {
            filters.push(Filter::default().state(state));
            filters.push(Filter::default().state(state).group("g"));
        }
        for filter in filters {
            let plan = format!("EXPLAIN QUERY PLAN {}", listing(&filter));
            let mut plan = connection.prepare(&plan).unwrap();
            let steps = plan.query_map([0; 6], |row| row.get(3)).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            let of_table = |step: &&String| step.contains(" brigade_queue");
            let tables: Vec<_> = steps.iter().filter(of_table).collect();
            assert!(!tables.is_empty(), "{steps:?}");
            for step in tables {
                let is_indexed = step.contains("INDEX brigade_queue_due (queue=?")
                    || step.contains("INDEX brigade_queue_grp");
                assert!(is_indexed, "{filter:?}: {step}");
            }
        }
        drop(queue);
    }
}
