//! The tables, and whether those that are there are ours.

use rusqlite::{Connection, Transaction};

use crate::contents::QueueName;
use crate::sqlite::{OpenErrorKind, Schema, Unusable};

/// Of the tables below. Another version is not opened.
const VERSION: i64 = 7;

/// `due` is when a message may be delivered, in milliseconds since 1970: 0 is now, a time is the end of a lease or a
/// delay of `span`, and `NULL` stands behind another message of its group. What was never named has no `id`; `dedup` is
/// what a message is a duplicate by in place of it.
///
/// `receives` counts deliveries, but not those that nobody got. `delivery` only grows, and is what a receipt is known by:
/// a worker that was stopped past its lease may have one of long ago. `begun` counts the deliveries that were worked on, of
/// which `marked` is the last. `taken` tells a lease from a delay, where `due` is a time that is still to come. `attributes`
/// are a JSON object. `last_error` is why work on it has failed last.
///
/// `kind` is the attribute of that name, by which some messages only can be asked for. Those of a higher `priority` come
/// first. A message that `expires` is not delivered from that time on, in milliseconds since 1970: it is removed, and counted
/// as `expired` of its queue.
///
/// A queue that is `paused` gives nothing before that time, in milliseconds since 1970.
///
/// `clock` is the latest time that anyone saw, `name` makes the ids of this file different from those of any other.
///
/// `queue` is the number of a queue, by which each index begins or ends: those of one queue cost no other anything.
const TABLES: &str = "
    CREATE TABLE brigade_queue_meta (
        version INTEGER NOT NULL,
        name TEXT NOT NULL,
        clock INTEGER NOT NULL
    );
    CREATE TABLE brigade_queue_name (
        queue INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        bodies TEXT NOT NULL,
        paused INTEGER,
        expired INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE brigade_queue (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL,
        id TEXT,
        dedup TEXT,
        grp TEXT,
        sent INTEGER NOT NULL,
        due INTEGER,
        span INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        delivery INTEGER NOT NULL DEFAULT 0,
        begun INTEGER NOT NULL DEFAULT 0,
        marked INTEGER NOT NULL DEFAULT 0,
        taken INTEGER NOT NULL DEFAULT 0,
        priority INTEGER NOT NULL DEFAULT 0,
        expires INTEGER,
        kind TEXT,
        attributes TEXT,
        last_error TEXT,
        body NOT NULL
    );
    CREATE INDEX brigade_queue_id ON brigade_queue (id, queue) WHERE id IS NOT NULL;
    CREATE UNIQUE INDEX brigade_queue_dedup ON brigade_queue (dedup, queue) WHERE dedup IS NOT NULL;
    CREATE INDEX brigade_queue_due ON brigade_queue (queue, due, priority DESC) WHERE due IS NOT NULL;
    CREATE INDEX brigade_queue_kind ON brigade_queue (queue, kind, due, priority DESC)
        WHERE kind IS NOT NULL AND due IS NOT NULL;
    CREATE INDEX brigade_queue_expires ON brigade_queue (queue, expires) WHERE expires IS NOT NULL;
    CREATE INDEX brigade_queue_grp ON brigade_queue (grp, queue) WHERE grp IS NOT NULL;
";

/// Where messages are kept that cannot be read. It is made when there is one.
pub(super) const SET_ASIDE: &str = "
    CREATE TABLE IF NOT EXISTS brigade_queue_set_aside (
        seq INTEGER PRIMARY KEY,
        queue,
        id,
        dedup,
        grp,
        sent,
        receives,
        priority,
        expires,
        attributes,
        body,
        why TEXT NOT NULL
    )
";

const SCHEMA: Schema = Schema {
    what: "queue",
    meta: "brigade_queue_meta",
    version: VERSION,
    tables: TABLES,
};

/// What a file knows of a queue.
pub(super) struct Known {
    pub(super) queue: i64,
    /// What the ids of messages without a name begin with: that of the file.
    pub(super) prefix: String,
}

/// Makes the tables if there are none, and the queue of this name.
pub(super) fn prepare(
    transaction: &Transaction<'_>,
    queue: &str,
    bodies: &str,
) -> Result<Known, Unusable> {
    let first = "INSERT INTO brigade_queue_meta VALUES (?1, lower(hex(randomblob(8))), 0)";
    SCHEMA.prepare(transaction, (first, [VERSION]))?;
    let new =
        "INSERT INTO brigade_queue_name (name, bodies) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    transaction.execute(new, (queue, bodies))?;
    let (queue, holds) = find(transaction, queue)?;
    if holds != bodies {
        return Err(Unusable::Because(OpenErrorKind::Bodies(holds)));
    }
    let prefix = "SELECT name FROM brigade_queue_meta";
    let prefix = transaction.query_row(prefix, [], |row| row.get(0))?;
    Ok(Known { queue, prefix })
}

/// The queues of a file, by name.
pub(in crate::sqlite) fn queues(connection: &Connection) -> Result<Vec<QueueName>, Unusable> {
    if !SCHEMA.found(connection)? {
        return Ok(Vec::new());
    }
    let all = "SELECT name, bodies FROM brigade_queue_name ORDER BY name";
    let mut all = connection.prepare(all)?;
    let queues = all.query_map([], |row| {
        let (name, bodies) = (row.get(0)?, row.get(1)?);
        Ok(QueueName { name, bodies })
    })?;
    Ok(queues.collect::<rusqlite::Result<_>>()?)
}

/// The number of a queue, and what its bodies are.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<(i64, String)> {
    let find = "SELECT queue, bodies FROM brigade_queue_name WHERE name = ?1";
    let mut find = connection.prepare_cached(find)?;
    find.query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
}
