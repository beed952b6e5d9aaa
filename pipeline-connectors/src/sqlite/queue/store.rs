//! What the thread does with the file, a statement at a time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline_runtime::queue::{Attributes, Nack, Outgoing, Receipt, Received, Unsettled};
use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, ToSql, params};

use super::kinds::Kinds;
use super::schema;
use crate::attributes::{from_json, to_json};
use crate::body::{QueueBody, Stored};
use crate::sqlite::said;

/// An open file, between transactions or in one.
pub(super) struct Store {
    pub(super) connection: Connection,
    /// The number of the queue.
    pub(super) queue: i64,
    pub(super) name: String,
    /// What the ids of messages without a name begin with: that of the file.
    pub(super) prefix: String,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settle {
    Ack,
    Extend(Duration),
    /// Work begins on it.
    Begin,
    /// Its consumer never got it: as if it had not been delivered.
    Return,
}

impl Store {
    /// Whether a transaction would find something to deliver, of these kinds if only some are wanted, or a clock to set right.
    pub(super) fn is_due(&self, kinds: Option<&Kinds>) -> rusqlite::Result<bool> {
        const DUE: &str =
            "SELECT EXISTS (SELECT 1 FROM brigade_queue WHERE queue = ?2 AND due <= ?1)
            AND NOT EXISTS (SELECT 1 FROM brigade_queue_name WHERE queue = ?2 AND paused > ?1)
            OR EXISTS (SELECT 1 FROM brigade_queue_meta WHERE clock > ?1)";
        const DUE_OF: &str =
            "SELECT EXISTS (SELECT 1 FROM brigade_queue INDEXED BY brigade_queue_kind
                WHERE queue = ?2 AND due <= ?1 AND kind IN (SELECT value FROM json_each(?3)))
            AND NOT EXISTS (SELECT 1 FROM brigade_queue_name WHERE queue = ?2 AND paused > ?1)
            OR EXISTS (SELECT 1 FROM brigade_queue_meta WHERE clock > ?1)";
        let (connection, now) = (&self.connection, now());
        match kinds {
            None => connection
                .prepare_cached(DUE)?
                .query_row([now, self.queue], |row| row.get(0)),
            Some(kinds) => connection
                .prepare_cached(DUE_OF)?
                .query_row((now, self.queue, kinds.json()), |row| row.get(0)),
        }
    }

    /// To be called first in each transaction: makes ready what is due. Returns the time of the transaction.
    ///
    /// If the clock was set back, leases and delays of all queues in the file would end late by as much. Since each is
    /// stored with its length, one that ends later than that from now is known to be wrong, and begins anew.
    pub(super) fn begin(&self) -> rusqlite::Result<i64> {
        let now = now();
        let clock: i64 = self
            .connection
            .prepare_cached("SELECT clock FROM brigade_queue_meta")?
            .query_row([], |row| row.get(0))?;
        if now < clock {
            let again = "UPDATE brigade_queue SET due = ?1 + span WHERE due > ?1 + span";
            self.connection.execute(again, [now])?;
        }
        self.connection
            .prepare_cached("UPDATE brigade_queue_meta SET clock = ?")?
            .execute([now])?;
        self.connection
            .prepare_cached(
                "UPDATE brigade_queue SET due = 0 WHERE queue = ?2 AND due > 0 AND due <= ?1",
            )?
            .execute([now, self.queue])?;
        expire(&self.connection, now, self.queue)?;
        Ok(now)
    }

    /// Leases the first messages that are ready. Those that cannot be read are set aside, and others come instead.
    pub(super) fn lease<B: QueueBody>(
        &self,
        now: i64,
        max: usize,
        kinds: &Kinds,
        lease: Duration,
    ) -> rusqlite::Result<Vec<Received<B>>> {
        loop {
            let rows = self.lease_rows(now, max, kinds, lease)?;
            let leased = rows.len();
            let mut messages = Vec::with_capacity(leased);
            for (seq, read) in rows {
                match read {
                    Ok(message) => messages.push(message),
                    Err(why) => self.set_aside(now, seq, &said(&why))?,
                }
            }
            if leased == 0 || !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    /// The most urgent first, and those by `seq`. What other programs have written may be anything.
    fn lease_rows<B: QueueBody>(
        &self,
        now: i64,
        max: usize,
        kinds: &Kinds,
        lease: Duration,
    ) -> rusqlite::Result<Vec<(i64, rusqlite::Result<Received<B>>)>> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let mut ready = self.connection.prepare_cached(&kinds.ready())?;
        let mut values: Vec<&dyn ToSql> = vec![&max, &self.queue, &now];
        let of_kinds = kinds.values();
        values.extend(of_kinds.iter().map(|kind| kind as &dyn ToSql));
        let rows = ready.query_map(&*values, |row| {
            Ok((row.get(0)?, row.get(10)?, self.received(row)))
        })?;
        let rows = rows.collect::<rusqlite::Result<Vec<(i64, i64, _)>>>()?;
        let at: Vec<_> = rows.iter().map(|row| (row.0, row.1)).collect();
        self.mark_leased(now, &at, kinds, millis(lease).max(1))?;
        Ok(rows.into_iter().map(|(seq, _, read)| (seq, read)).collect())
    }

    /// Of these numbers and priorities.
    fn mark_leased(
        &self,
        now: i64,
        rows: &[(i64, i64)],
        kinds: &Kinds,
        lease: i64,
    ) -> rusqlite::Result<()> {
        // Those, for nobody else writes in this transaction, and of any other priority there is either none that is more
        // urgent, or none of this one left. `RETURNING` would keep all of them in a table of its own.
        const LEASE: &str = "UPDATE brigade_queue
            SET due = ?1 + ?2, span = ?2, receives = receives + 1, delivery = delivery + 1, taken = 1
            WHERE queue = ?4 AND due = 0 AND priority = ?5 AND seq <= ?3";
        const LEASE_ONE: &str = "UPDATE brigade_queue
            SET due = ?1 + ?2, span = ?2, receives = receives + 1, delivery = delivery + 1, taken = 1
            WHERE seq = ?3";
        let Some(&(last, priority)) = rows.last() else {
            return Ok(());
        };
        if kinds.are_all() && rows.iter().all(|row| row.1 == priority) {
            let mut all = self.connection.prepare_cached(LEASE)?;
            all.execute((now, lease, last, self.queue, priority))?;
            return Ok(());
        }
        let mut one = self.connection.prepare_cached(LEASE_ONE)?;
        for (seq, _) in rows {
            one.execute((now, lease, seq))?;
        }
        Ok(())
    }

    fn received<B: QueueBody>(&self, row: &Row<'_>) -> rusqlite::Result<Received<B>> {
        let (seq, receives, delivery): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let chosen: Option<Arc<str>> = row.get(3)?;
        let sent = Duration::from_millis(row.get::<_, i64>(4)?.unsigned_abs());
        let dedup: Option<Arc<str>> = row.get(5)?;
        let body: B = body(row, 6)?;
        let receipt = Receipt(format!("{seq}.{delivery}").into());
        let receives = u32::try_from(receives).unwrap_or(u32::MAX);
        // An id that the queue gives is no other message's.
        let number = || Arc::from(format!("{}-{seq}", self.prefix));
        let (id, number) = match chosen {
            Some(id) => (id, Some(dedup.unwrap_or_else(number))),
            None => (number(), None),
        };
        let begun = u32::try_from(row.get::<_, i64>(8)?).unwrap_or(u32::MAX);
        let attributes: Option<String> = row.get(9)?;
        let attributes = from_json(attributes.as_deref()).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(9, Type::Text, error.into())
        })?;
        let mut received = Received::new(id, receipt, body)
            .seen(receives, UNIX_EPOCH + sent)
            .begun(begun)
            .attributes(attributes)
            .priority(i16::try_from(row.get::<_, i64>(10)?).unwrap_or_default());
        received.number = number;
        // What other programs have written may be no text.
        received.group = row.get(7).unwrap_or_default();
        Ok(received)
    }

    /// Moves a message out of the way of the others, and of those behind it in its group.
    fn set_aside(&self, now: i64, seq: i64, why: &str) -> rusqlite::Result<()> {
        // It may have been put back as it was.
        const KEEP: &str = "INSERT OR REPLACE INTO brigade_queue_set_aside
            (seq, queue, id, dedup, grp, sent, receives, priority, expires, attributes, body, why)
            SELECT seq, queue, id, dedup, grp, sent, receives, priority, expires, attributes, body, ?2 FROM brigade_queue WHERE seq = ?1";
        self.connection.execute_batch(schema::SET_ASIDE)?;
        self.connection.execute(KEEP, (seq, why))?;
        take_out(&self.connection, now, self.queue, seq)?;
        tracing::warn!(queue = %self.name, seq, why, "a message that cannot be read is set aside, in the table `brigade_queue_set_aside`");
        Ok(())
    }

    /// Settles deliveries; those that another consumer has by now are named.
    pub(super) fn settle(
        &self,
        now: i64,
        settle: Settle,
        receipts: &[Receipt],
    ) -> rusqlite::Result<Vec<Unsettled>> {
        self.each(receipts.iter(), |_, at| self.settle_one(now, settle, at))
    }

    /// Gives deliveries back; what is said of those that have failed stays with their messages.
    pub(super) fn nack(
        &self,
        now: i64,
        delay: Duration,
        nacks: &[Nack],
    ) -> rusqlite::Result<Vec<Unsettled>> {
        const NACK: &str = "UPDATE brigade_queue
            SET due = ?3, span = ?4, taken = 0, begun = begun + (marked <> delivery), marked = delivery,
                last_error = ifnull(?5, last_error)
            WHERE seq = ?1 AND delivery = ?2";
        let time = millis(delay);
        let due = due(now, time);
        self.each(nacks.iter().map(|nack| &nack.receipt), |index, at| {
            let error = nacks[index].error.as_deref();
            let mut nack = self.connection.prepare_cached(NACK)?;
            Ok(nack.execute((at.0, at.1, due, time, error))? > 0)
        })
    }

    fn each<'a>(
        &self,
        receipts: impl Iterator<Item = &'a Receipt>,
        settle: impl Fn(usize, (i64, i64)) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<Vec<Unsettled>> {
        let mut unsettled = Vec::new();
        for (index, receipt) in receipts.enumerate() {
            let delivery = parse(receipt);
            let settled = match delivery {
                Some(delivery) => settle(index, delivery)?,
                None => false,
            };
            if settled {
                continue;
            }
            unsettled.push(match delivery {
                Some((seq, _)) if !self.is_there(seq)? => Unsettled::gone(index),
                _ => Unsettled::refused(index, "its lease has ended, and it was delivered again"),
            });
        }
        Ok(unsettled)
    }

    fn settle_one(&self, now: i64, settle: Settle, at: (i64, i64)) -> rusqlite::Result<bool> {
        const EXTEND: &str = "UPDATE brigade_queue SET due = ?3, span = ?4, taken = 1 WHERE seq = ?1 AND delivery = ?2";
        const BEGIN: &str = "UPDATE brigade_queue
            SET begun = begun + (marked <> delivery), marked = delivery
            WHERE seq = ?1 AND delivery = ?2";
        const RETURN: &str = "UPDATE brigade_queue
            SET due = 0, receives = receives - 1, begun = begun - (marked = delivery), marked = 0
            WHERE seq = ?1 AND delivery = ?2";
        let simply = |sql: &str| {
            let changed = self.connection.prepare_cached(sql)?.execute(at)?;
            Ok(changed > 0)
        };
        match settle {
            Settle::Ack => remove(&self.connection, now, at),
            Settle::Begin => simply(BEGIN),
            Settle::Return => simply(RETURN),
            Settle::Extend(lease) => {
                let time = millis(lease).max(1);
                let mut extend = self.connection.prepare_cached(EXTEND)?;
                Ok(extend.execute((at.0, at.1, due(now, time), time))? > 0)
            }
        }
    }

    fn is_there(&self, seq: i64) -> rusqlite::Result<bool> {
        let there = "SELECT 1 FROM brigade_queue WHERE seq = ?1";
        self.connection.prepare_cached(there)?.exists([seq])
    }

    /// Stores messages, but for those that are there already: by their `dedup`, or else by their name.
    pub(super) fn send<B: QueueBody>(
        &self,
        now: i64,
        messages: &[Outgoing<B>],
    ) -> rusqlite::Result<Vec<Unsettled>> {
        let mut refused = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            if !send(&self.connection, now, self.queue, message)? {
                refused.push(Unsettled::refused(index, TOO_LARGE));
            }
        }
        Ok(refused)
    }
}

/// When something can be received again: 0 is at once.
fn due(now: i64, time: i64) -> i64 {
    if time == 0 {
        0
    } else {
        now.saturating_add(time)
    }
}

/// A body as its queue's kind has it.
fn body<B: QueueBody>(row: &Row<'_>, column: usize) -> rusqlite::Result<B> {
    let bytes = match B::KIND {
        "text" => row.get::<_, String>(column)?.into_bytes(),
        _ => row.get(column)?,
    };
    B::from_bytes(bytes)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error))
}

/// What is said of a message that is not sent.
pub(super) const TOO_LARGE: &str = "it is larger than SQLite allows";

/// Stores a message, unless it is there already. Whether it is not too large for that.
pub(super) fn send<B: QueueBody>(
    connection: &Connection,
    now: i64,
    queue: i64,
    message: &Outgoing<B>,
) -> rusqlite::Result<bool> {
    const ID: &str = "SELECT 1 FROM brigade_queue WHERE id = ?1 AND queue = ?2";
    const DEDUP: &str = "SELECT 1 FROM brigade_queue WHERE dedup = ?1 AND queue = ?2";
    const GROUP: &str = "SELECT 1 FROM brigade_queue WHERE grp = ?1 AND queue = ?2";
    const SEND: &str =
        "INSERT INTO brigade_queue (id, grp, sent, due, span, body, dedup, queue, attributes, kind, priority, expires)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    // Only for what has a name: most have none.
    let is_there = |sql: &str, name: Option<&str>| match name {
        Some(name) => connection.prepare_cached(sql)?.exists((name, queue)),
        None => Ok(false),
    };
    let (id, group) = (message.id.as_deref(), message.group.as_deref());
    let dedup = message.dedup.as_deref();
    let body = match message.body.stored() {
        Stored::Text(text) => ValueRef::Text(text.as_bytes()),
        Stored::Bytes(bytes) => ValueRef::Blob(bytes),
    };
    let body = ToSqlOutput::Borrowed(body);
    let is_known = match dedup {
        Some(_) => is_there(DEDUP, dedup)?,
        None => is_there(ID, id)?,
    };
    if is_known {
        return Ok(true);
    }
    let delay = millis(message.delay);
    let due = match delay {
        _ if is_there(GROUP, group)? => None,
        0 => Some(0),
        delay => Some(now.saturating_add(delay)),
    };
    let mut statement = connection.prepare_cached(SEND)?;
    let attributes = to_json(&message.attributes);
    let kind = message.attributes.get(Attributes::KIND);
    let expires = message
        .expires
        .map(|after| now.saturating_add(millis(after)));
    let values = params![
        id,
        group,
        now,
        due,
        delay,
        body,
        dedup,
        queue,
        attributes,
        kind,
        message.priority,
        expires
    ];
    match statement.execute(values) {
        Ok(_) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a message, if this delivery of it is the last one.
pub(super) fn remove(connection: &Connection, now: i64, at: (i64, i64)) -> rusqlite::Result<bool> {
    // Most are in no group, and `RETURNING` makes a table of its own each time.
    const REMOVE: &str =
        "DELETE FROM brigade_queue WHERE seq = ?1 AND delivery = ?2 AND grp IS NULL";
    const REMOVE_OF_GROUP: &str =
        "DELETE FROM brigade_queue WHERE seq = ?1 AND delivery = ?2 RETURNING grp, queue";
    if connection.prepare_cached(REMOVE)?.execute(at)? > 0 {
        return Ok(true);
    }
    let removed = connection
        .prepare_cached(REMOVE_OF_GROUP)?
        .query_row(at, |row| Ok((Group::read(row)?, row.get(1)?)))
        .optional()?;
    if let Some((Some(group), queue)) = &removed {
        next_of(connection, now, *queue, group)?;
    }
    Ok(removed.is_some())
}

/// Removes a message whatever its state. Whether it was there.
pub(super) fn take_out(
    connection: &Connection,
    now: i64,
    queue: i64,
    seq: i64,
) -> rusqlite::Result<bool> {
    const REMOVE: &str = "DELETE FROM brigade_queue WHERE seq = ?1 RETURNING grp";
    let mut remove = connection.prepare_cached(REMOVE)?;
    let group = remove.query_row([seq], Group::read).optional()?;
    if let Some(Some(group)) = &group {
        next_of(connection, now, queue, group)?;
    }
    Ok(group.is_some())
}

/// Removes what has expired and is in nobody's hands.
pub(super) fn expire(connection: &Connection, now: i64, queue: i64) -> rusqlite::Result<()> {
    const COUNT: &str = "UPDATE brigade_queue_name SET expired = expired + ?2 WHERE queue = ?1";
    let mut past = connection.prepare_cached(EXPIRED)?;
    let past = past.query_map([now, queue], |row| row.get(0))?;
    let past = past.collect::<rusqlite::Result<Vec<i64>>>()?;
    if past.is_empty() {
        return Ok(());
    }
    let mut expired = 0;
    for seq in past {
        expired += i64::from(take_out(connection, now, queue, seq)?);
    }
    connection
        .prepare_cached(COUNT)?
        .execute([queue, expired])?;
    Ok(())
}

/// Whether there is anything to remove so.
pub(super) fn is_expired(connection: &Connection, queue: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(EXPIRED)?.exists([now(), queue])
}

const EXPIRED: &str = "SELECT seq FROM brigade_queue INDEXED BY brigade_queue_expires
    WHERE queue = ?2 AND expires <= ?1 AND (due IS NULL OR due <= ?1 OR taken = 0)";

/// One of this group is gone: the next can be received, unless another one is under way. What was sent with a delay waits
/// for the rest of it.
fn next_of(connection: &Connection, now: i64, queue: i64, group: &Group) -> rusqlite::Result<()> {
    const NEXT: &str = "UPDATE brigade_queue
        SET due = CASE WHEN span > 0 AND sent + span > ?1
            THEN min(sent, ?1) + span ELSE 0 END
        WHERE due IS NULL AND seq = (SELECT min(seq) FROM brigade_queue WHERE grp = ?2 AND queue = ?3)";
    connection
        .prepare_cached(NEXT)?
        .execute((now, group, queue))?;
    Ok(())
}

/// A group as it is stored. Other programs write groups too: of any type, and text that is no UTF-8.
enum Group {
    Text(Vec<u8>),
    Other(Value),
}

impl Group {
    /// From the first column.
    fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        Ok(match row.get_ref(0)? {
            ValueRef::Null => None,
            ValueRef::Text(text) => Some(Self::Text(text.to_vec())),
            _ => Some(Self::Other(row.get(0)?)),
        })
    }
}

impl ToSql for Group {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(text))),
            Self::Other(value) => value.to_sql(),
        }
    }
}

/// The delivery that a receipt stands for: its message and which delivery of it.
pub(super) fn parse(receipt: &Receipt) -> Option<(i64, i64)> {
    let (seq, delivery) = receipt.0.split_once('.')?;
    Some((seq.parse().ok()?, delivery.parse().ok()?))
}

/// The time in milliseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

/// Rounded up, so that nothing comes too soon; a century at most, so that it can be added to the time.
pub(super) fn millis(time: Duration) -> i64 {
    const CENTURY: i64 = 3_155_760_000_000;
    i64::try_from(time.as_nanos().div_ceil(1_000_000))
        .unwrap_or(CENTURY)
        .min(CENTURY)
}
