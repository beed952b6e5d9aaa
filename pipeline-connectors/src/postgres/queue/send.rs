//! What is sent.

use std::collections::HashSet;

use pipeline_runtime::queue::{Attributes, Body as _, Outgoing, QueueError, Unsettled};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::known::{Known, LONGEST_NAME, millis};
use crate::attributes::to_json;
use crate::body::{QueueBody, Stored};
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// The largest body, in bytes: what is sent may grow on its way, and the server takes a gigabyte.
const LARGEST_BODY: usize = 512 << 20;
/// How much is sent at once, in bytes of bodies, but for one that is larger.
const AT_ONCE: usize = 16 << 20;
/// How many messages are sent at once.
const MESSAGES: usize = 1024;

/// Sends messages in transactions of their own.
pub(super) async fn send<B: QueueBody>(
    queue: &Known<B>,
    messages: Vec<Outgoing<B>>,
) -> Result<Vec<Unsettled>, QueueError> {
    let (batches, refused) = batches(&messages);
    let sql = sql(queue.db.schema());
    let mut sent = false;
    let mut result = Ok(refused);
    for batch in &batches {
        let values = batch.values(&queue.home, &queue.queue);
        let sending = queue.db.transacting().query_alone(&sql, &values);
        if let Err(failed) = sending.await {
            result = Err(queue.error(failed));
            break;
        }
        sent = true;
    }
    if sent {
        queue.db.watch().tell(queue.queue);
    }
    result
}

/// Sends messages in somebody's transaction.
pub(super) async fn within<B: QueueBody>(
    queue: &Known<B>,
    transaction: &Transaction<'_>,
    messages: Vec<Outgoing<B>>,
) -> Result<Vec<Unsettled>, QueueError> {
    let at = (&**queue.db.schema(), &queue.home, queue.queue);
    let sent = put(transaction, at, &messages).await;
    sent.map_err(|failed| queue.error(failed))
}

/// Sends messages to the queue of this name, in the transaction that removes their letters. Of a message only the bytes of
/// the body are known. The number of the queue, and what cannot be sent.
pub(in crate::postgres) async fn join(
    transaction: &Transaction<'_>,
    schema: &str,
    home: &str,
    queue: &str,
    messages: Vec<Outgoing<Vec<u8>>>,
) -> Result<(i32, Vec<(usize, String)>), Failed> {
    let find = format!("SELECT queue, bodies FROM {schema}.queue_name WHERE name = $1");
    let found = transaction
        .query_typed_one(&find, &[(&queue, Type::TEXT)])
        .await;
    let found = found.and_then(|row| Ok((row.try_get(0)?, row.try_get::<_, String>(1)?)));
    let (queue, bodies) = found.map_err(|error| Failed::from(&error))?;
    let home = home.to_owned();
    let at = (schema, &home, queue);
    if bodies != <String as QueueBody>::KIND {
        let unsent = put(transaction, at, &messages).await?;
        let refused = unsent
            .iter()
            .map(|entry| (entry.index(), entry.to_string()));
        return Ok((queue, refused.collect()));
    }
    let (mut texts, mut indexes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (index, message) in messages.into_iter().enumerate() {
        let mut body = Vec::new();
        let outgoing = message.map_body(|bytes| body = bytes);
        match String::from_bytes(body) {
            Ok(body) => {
                texts.push(outgoing.map_body(|()| body));
                indexes.push(index);
            }
            Err(error) => refused.push((index, error.to_string())),
        }
    }
    let unsent = put(transaction, at, &texts).await?;
    let unsent = unsent
        .iter()
        .map(|entry| (indexes[entry.index()], entry.to_string()));
    refused.extend(unsent);
    Ok((queue, refused))
}

/// The schema, what tells its tables from others, and the number of a queue there.
type At<'a> = (&'a str, &'a String, i32);

async fn put<B: QueueBody>(
    transaction: &Transaction<'_>,
    (schema, home, queue): At<'_>,
    messages: &[Outgoing<B>],
) -> Result<Vec<Unsettled>, Failed> {
    let (batches, refused) = batches(messages);
    let sql = sql(schema);
    for batch in &batches {
        let values = batch.values(home, &queue);
        let sent = transaction.query_typed(&sql, &values).await;
        sent.map_err(|error| Failed::from(&error))?;
    }
    Ok(refused)
}

fn sql(schema: &str) -> String {
    format!("SELECT {schema}.put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
}

/// What is sent at once, column by column.
#[derive(Default)]
struct Batch<'a> {
    ids: Vec<Option<&'a str>>,
    dedups: Vec<Option<&'a str>>,
    groups: Vec<Option<&'a str>>,
    delays: Vec<i64>,
    priorities: Vec<i16>,
    expiries: Vec<Option<i64>>,
    attributes: Vec<Option<String>>,
    texts: Vec<Option<&'a str>>,
    blobs: Vec<Option<&'a [u8]>>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn push<B: QueueBody>(&mut self, message: &'a Outgoing<B>) {
        self.ids.push(message.id.as_deref());
        self.dedups.push(message.dedup.as_deref());
        self.groups.push(message.group.as_deref());
        self.delays.push(millis(message.delay));
        self.priorities.push(message.priority);
        self.expiries.push(message.expires.map(millis));
        self.attributes.push(to_json(&message.attributes));
        let (text, blob) = match message.body.stored() {
            Stored::Text(text) => (Some(text), None),
            Stored::Bytes(bytes) => (None, Some(bytes)),
        };
        self.texts.push(text);
        self.blobs.push(blob);
        self.bytes += size(message);
    }

    fn has_room_for<B: QueueBody>(&self, message: &Outgoing<B>) -> bool {
        let count = self.ids.len();
        count == 0 || count < MESSAGES && self.bytes + size(message) <= AT_ONCE
    }

    fn values(&'a self, home: &'a String, queue: &'a i32) -> [Value<'a>; 11] {
        [
            (home, Type::TEXT),
            (queue, Type::INT4),
            (&self.ids, Type::TEXT_ARRAY),
            (&self.dedups, Type::TEXT_ARRAY),
            (&self.groups, Type::TEXT_ARRAY),
            (&self.delays, Type::INT8_ARRAY),
            (&self.priorities, Type::INT2_ARRAY),
            (&self.expiries, Type::INT8_ARRAY),
            (&self.attributes, Type::TEXT_ARRAY),
            (&self.texts, Type::TEXT_ARRAY),
            (&self.blobs, Type::BYTEA_ARRAY),
        ]
    }
}

/// What can be sent, and what cannot.
fn batches<B: QueueBody>(messages: &[Outgoing<B>]) -> (Vec<Batch<'_>>, Vec<Unsettled>) {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let mut refused = Vec::new();
    // The server compares a message with what was there before, not with those it is sent with.
    let mut named = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        if let Err(why) = check(message) {
            refused.push(Unsettled::refused(index, why));
            continue;
        }
        let new = message.id.as_deref().is_none_or(|id| named.insert(id));
        if !new && message.dedup.is_none() {
            continue;
        }
        match batches.last_mut() {
            Some(batch) if batch.has_room_for(message) => batch.push(message),
            _ => {
                let mut batch = Batch::default();
                batch.push(message);
                batches.push(batch);
            }
        }
    }
    (batches, refused)
}

/// What the server would refuse with all that is sent beside it.
fn check<B: QueueBody>(message: &Outgoing<B>) -> Result<(), String> {
    let names = [
        ("name", &message.id),
        ("dedup", &message.dedup),
        ("group", &message.group),
    ];
    let names = names.map(|(what, name)| (what, name.as_deref()));
    let kind = ("kind", message.attributes.get(Attributes::KIND));
    for (what, name) in names.into_iter().chain([kind]) {
        let name = name.unwrap_or_default();
        if name.contains('\0') {
            return Err(format!(
                "its {what} has a NUL, which PostgreSQL cannot keep"
            ));
        }
        if name.len() > LONGEST_NAME {
            return Err(format!("its {what} is longer than {LONGEST_NAME} bytes"));
        }
    }
    let mut attributes = message.attributes.iter();
    if attributes.any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err("one of its attributes has a NUL, which PostgreSQL cannot keep".into());
    }
    if matches!(message.body.stored(), Stored::Text(text) if text.contains('\0')) {
        let why =
            "its text has a NUL, which PostgreSQL cannot keep; let the queue have bodies of bytes";
        return Err(why.into());
    }
    if size(message) > LARGEST_BODY {
        return Err("its body is larger than 512 MiB".into());
    }
    Ok(())
}

fn size<B: QueueBody>(message: &Outgoing<B>) -> usize {
    match message.body.stored() {
        Stored::Text(text) => text.len(),
        Stored::Bytes(bytes) => bytes.len(),
    }
}
