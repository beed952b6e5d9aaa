//! A queue in a database as its operator sees it: over the connection that messages are sent on, so that none is received
//! or extended later for it.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use pipeline_runtime::private::held;
use pipeline_runtime::queue::{
    Admin, Filter, MessageInfo, MessageState, Pause, QueueError, QueueStats,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::handle::PostgresQueue;
use super::known::{Known, millis};
use crate::attributes::from_json;
use crate::body::QueueBody;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// How many messages of each state are removed at once: nobody waits for that, and each time what is removed is passed.
const AT_ONCE: i64 = 50_000;
/// How many ids are asked of at once.
const IDS: usize = 5_000;

impl<B: QueueBody> PostgresQueue<B> {
    /// The messages that a function finds, each with why it has failed last.
    async fn look(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, QueueError> {
        let known = &self.0;
        let schema = known.db.schema();
        let sql = format!(
            "SELECT m.*, (SELECT q.last_error FROM {schema}.queue q WHERE q.seq = m.seq) AS last_error
            FROM {schema}.{sql} AS m"
        );
        let asking = known.db.transacting().query_alone(&sql, values);
        let rows = held("the queue", asking).await;
        rows.map_err(|failed| known.error(failed))
    }

    async fn ask(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, QueueError> {
        let known = &self.0;
        let sql = format!("SELECT * FROM {}.{sql}", known.db.schema());
        let asking = known.db.transacting().query_alone(&sql, values);
        let rows = held("the queue", asking).await;
        rows.map_err(|failed| known.error(failed))
    }

    /// Does it with each message of these ids. The ids of which it was done with none.
    async fn each(&self, function: &str, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        let sql = format!("{function}($1, $2, $3)");
        let mut unknown = Vec::new();
        for ids in ids.chunks(IDS) {
            let seqs = own(&self.0, ids);
            let named = readable(ids);
            let values: [Value<'_>; 3] = [
                (&self.0.queue, Type::INT4),
                (&named, Type::TEXT_ARRAY),
                (&seqs, Type::INT8_ARRAY),
            ];
            let rows = self.ask(&sql, &values).await?;
            let mut done = HashSet::new();
            for row in &rows {
                let id: Option<String> = self.read(row.try_get(0))?;
                let seq: i64 = self.read(row.try_get(1))?;
                done.insert(id.unwrap_or_else(|| own_id(&self.0, seq)));
            }
            unknown.extend(ids.iter().filter(|id| !done.contains(*id)).cloned());
        }
        // Another of a group may come, or a message that was delayed.
        self.wake();
        Ok(unknown)
    }

    fn read<T>(&self, value: Result<T, tokio_postgres::Error>) -> Result<T, QueueError> {
        value.map_err(|error| self.0.error(Failed::from(&error)))
    }
}

impl<B: QueueBody> Admin for PostgresQueue<B> {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        let values: [Value<'_>; 1] = [(&self.0.queue, Type::INT4)];
        let rows = self.ask("stats($1)", &values).await?;
        let row = rows.first().ok_or_else(|| nothing(&self.0))?;
        self.read(stats(row))
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        let state = filter.of_state().map(number);
        let after = i64::try_from(filter.behind().unwrap_or_default()).unwrap_or(i64::MAX);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let preview = i32::try_from(MessageInfo::PREVIEW).unwrap_or(i32::MAX);
        let values: [Value<'_>; 6] = [
            (&self.0.queue, Type::INT4),
            (&state, Type::INT2),
            (&filter.of_group(), Type::TEXT),
            (&after, Type::INT8),
            (&most, Type::INT8),
            (&preview, Type::INT4),
        ];
        let rows = self.look("list($1, $2, $3, $4, $5, $6)", &values).await?;
        let messages = rows.iter().map(|row| message(&self.0, row));
        self.read(messages.collect())
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        let ids = [id.to_owned()];
        let (seqs, named) = (own(&self.0, &ids), readable(&ids));
        let values: [Value<'_>; 3] = [
            (&self.0.queue, Type::INT4),
            (&named, Type::TEXT_ARRAY),
            (&seqs, Type::INT8_ARRAY),
        ];
        let rows = self.look("get($1, $2, $3)", &values).await?;
        let messages = rows.iter().map(|row| message(&self.0, row));
        self.read(messages.collect())
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.each("cancel", ids).await
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.each("retry_now", ids).await
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        let newest = format!("(SELECT max(seq) FROM {}.queue) AS m", self.0.db.schema());
        let newest = format!("SELECT * FROM {newest}");
        let asking = self.0.db.transacting().query_alone(&newest, &[]);
        let rows = held("the queue", asking).await;
        let rows = rows.map_err(|failed| self.0.error(failed))?;
        let row = rows.first().ok_or_else(|| nothing(&self.0))?;
        let newest: Option<i64> = self.read(row.try_get(0))?;
        let newest = newest.unwrap_or_default();
        let (mut purged, mut waits) = (0, false);
        loop {
            let values: [Value<'_>; 4] = [
                (&self.0.queue, Type::INT4),
                (&newest, Type::INT8),
                (&AT_ONCE, Type::INT8),
                (&waits, Type::BOOL),
            ];
            let rows = self.ask("purge($1, $2, $3, $4)", &values).await?;
            let row = rows.first().ok_or_else(|| nothing(&self.0))?;
            let removed: i64 = self.read(row.try_get(0))?;
            if removed == 0 && !waits {
                // What is left is in somebody's hands just now.
                waits = true;
                continue;
            }
            if removed == 0 {
                // Of a group, what was sent meanwhile may come.
                self.wake();
                return Ok(purged);
            }
            purged += removed.unsigned_abs();
        }
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        let time = match pause {
            Pause::For(time) => Some(millis(time)),
            Pause::UntilResumed => None,
        };
        let values: [Value<'_>; 2] = [(&self.0.queue, Type::INT4), (&time, Type::INT8)];
        self.ask("pause($1, $2)", &values).await?;
        // Who waits sees when it is to look again.
        self.wake();
        Ok(())
    }

    async fn resume(&self) -> Result<(), QueueError> {
        let values: [Value<'_>; 1] = [(&self.0.queue, Type::INT4)];
        self.ask("resume($1)", &values).await?;
        self.wake();
        Ok(())
    }
}

fn nothing<B>(known: &Known<B>) -> QueueError {
    known.error(Failed::away("it answers nothing"))
}

/// As the database numbers them.
fn number(state: MessageState) -> i16 {
    match state {
        MessageState::Ready => 0,
        MessageState::Delayed => 1,
        MessageState::Taken => 2,
        _ => 3,
    }
}

/// The id of a message without a name, as its deliveries have it.
fn own_id<B>(known: &Known<B>, seq: i64) -> String {
    format!("{}-{seq}", known.home)
}

/// The numbers of the messages without a name that have these ids.
fn own<B>(known: &Known<B>, ids: &[String]) -> Vec<i64> {
    let seq = |id: &String| {
        let seq = id.strip_prefix(&*known.home)?.strip_prefix('-')?;
        seq.parse().ok()
    };
    ids.iter().filter_map(seq).collect()
}

/// No message has a name with a NUL in it.
fn readable(ids: &[String]) -> Vec<&str> {
    let ids = ids.iter().filter(|id| !id.contains('\0'));
    ids.map(String::as_str).collect()
}

fn stats(row: &Row) -> Result<QueueStats, tokio_postgres::Error> {
    let count = |at| row.try_get::<_, i64>(at).map(i64::unsigned_abs);
    let time = |at| row.try_get::<_, Option<i64>>(at);
    let mut stats = QueueStats::default();
    (stats.ready, stats.delayed) = (count(0)?, count(1)?);
    (stats.taken, stats.behind) = (count(2)?, count(3)?);
    stats.expired = count(6)?;
    stats.oldest = time(4)?.map(|millis| Duration::from_millis(millis.unsigned_abs()));
    stats.paused = time(5)?.map(|millis| match u64::try_from(millis) {
        Ok(millis) => Pause::For(Duration::from_millis(millis)),
        Err(_) => Pause::UntilResumed,
    });
    Ok(stats)
}

fn message<B>(known: &Known<B>, row: &Row) -> Result<MessageInfo, tokio_postgres::Error> {
    let seq: i64 = row.try_get("seq")?;
    let id: Option<String> = row.try_get("id")?;
    let body = match row.try_get::<_, Option<String>>("body")? {
        Some(text) => Some(text.into_bytes()),
        None => row.try_get("bytes")?,
    };
    let count = |column| -> Result<u32, tokio_postgres::Error> {
        let count: i32 = row.try_get(column)?;
        Ok(u32::try_from(count).unwrap_or_default())
    };
    let id = id.unwrap_or_else(|| own_id(known, seq));
    let mut message = MessageInfo::new(seq.unsigned_abs(), id, body.unwrap_or_default());
    message.dedup = row.try_get("dedup")?;
    message.group = row.try_get("grp")?;
    message.state = match row.try_get::<_, i16>("state")? {
        0 => MessageState::Ready,
        1 => MessageState::Delayed,
        2 => MessageState::Taken,
        _ => MessageState::Behind,
    };
    let due: Option<SystemTime> = row.try_get("due")?;
    message.due = due.filter(|_| message.state != MessageState::Ready);
    message.sent = row.try_get("sent")?;
    (message.priority, message.expires) = (row.try_get("priority")?, row.try_get("expires")?);
    (message.receives, message.begun) = (count("receives")?, count("begun")?);
    message.last_error = row.try_get("last_error")?;
    // What is no object of texts tells nobody anything.
    message.attributes = from_json(row.try_get("attributes")?).unwrap_or_default();
    message.size = row.try_get::<_, i64>("size")?.unsigned_abs();
    Ok(message)
}
