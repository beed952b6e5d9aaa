//! What becomes of deliveries.

use std::time::Duration;

use pipeline_runtime::queue::{Nack, QueueError, Receipt, Unsettled};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::known::{Known, millis};
use super::receipt::parse;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settle {
    Ack,
    Extend(Duration),
    /// Work begins on it.
    Begin,
    /// Its consumer never got it: as if it had not been delivered.
    GiveBack,
}

/// Settles deliveries; those that another consumer has by now are named.
pub(super) async fn settle<B>(
    queue: &Known<B>,
    settle: Settle,
    receipts: &[Receipt],
) -> Result<Vec<Unsettled>, QueueError> {
    let (batch, unsettled) = Batch::of(receipts.iter());
    let (function, time) = match settle {
        Settle::Ack => ("ack", None),
        Settle::Extend(lease) => ("extend", Some(millis(lease).max(1))),
        Settle::Begin => ("mark", None),
        Settle::GiveBack => ("give_back", None),
    };
    let rows = batch.ask(queue, function, time).await;
    let rows = rows.map_err(|failed| queue.error(failed))?;
    // Another of the group may come, or a message that was given back.
    let moved = match settle {
        Settle::Ack => rows.iter().any(|row| row.try_get(1).unwrap_or(true)),
        Settle::Extend(_) | Settle::Begin => false,
        Settle::GiveBack => true,
    };
    settled(queue, &batch, &rows, moved, unsettled).await
}

/// Gives deliveries back, to come again after so long; what is said of those that have failed stays with their messages.
pub(super) async fn nack<B>(
    queue: &Known<B>,
    delay: Duration,
    nacks: &[Nack],
) -> Result<Vec<Unsettled>, QueueError> {
    let (batch, unsettled) = Batch::of(nacks.iter().map(|nack| &nack.receipt));
    let errors = batch.indexes.iter().map(|index| {
        let error = nacks[*index].error.as_deref();
        // What is only for people may be said otherwise.
        error.map(|error| error.replace('\0', "\u{fffd}"))
    });
    let (delayed, errors) = (millis(delay), errors.collect::<Vec<_>>());
    let schema = queue.db.schema();
    let sql = format!("SELECT * FROM {schema}.nack_failed($1, $2, $3, $4)");
    let values: [Value<'_>; 4] = [
        (&batch.seqs, Type::INT8_ARRAY),
        (&batch.tokens, Type::INT8_ARRAY),
        (&delayed, Type::INT8),
        (&errors, Type::TEXT_ARRAY),
    ];
    let rows = queue.db.receiving().query(&sql, &values).await;
    let rows = rows.map_err(|failed| queue.error(failed))?;
    settled(queue, &batch, &rows, delay.is_zero(), unsettled).await
}

/// What is told of a batch of which these are settled, beside what is told already.
async fn settled<B>(
    queue: &Known<B>,
    batch: &Batch,
    rows: &[Row],
    moved: bool,
    mut unsettled: Vec<Unsettled>,
) -> Result<Vec<Unsettled>, QueueError> {
    let failed = |failed: Failed| queue.error(failed);
    if moved && !rows.is_empty() {
        queue.db.watch().tell(queue.queue);
    }
    let rest = batch.without(rows).map_err(failed)?;
    if !rest.indexes.is_empty() {
        let there = rest.ask(queue, "look", None).await.map_err(failed)?;
        unsettled.extend(rest.tell(&there).map_err(failed)?);
        unsettled.sort_unstable_by_key(Unsettled::index);
    }
    Ok(unsettled)
}

/// What is said of a delivery that is another's now.
const LOST: &str = "its lease has ended, and it was delivered again";

/// Deliveries, and where they stand in what was asked.
#[derive(Default)]
struct Batch {
    indexes: Vec<usize>,
    seqs: Vec<i64>,
    tokens: Vec<i64>,
}

impl Batch {
    /// Of these receipts; and what is told of those that are none of this queue's.
    fn of<'a>(receipts: impl Iterator<Item = &'a Receipt>) -> (Self, Vec<Unsettled>) {
        let (mut batch, mut unsettled) = (Self::default(), Vec::new());
        for (index, receipt) in receipts.enumerate() {
            match parse(receipt) {
                Some(delivery) => batch.push(index, delivery),
                None => unsettled.push(Unsettled::refused(index, LOST)),
            }
        }
        (batch, unsettled)
    }

    fn push(&mut self, index: usize, (seq, token): (i64, i64)) {
        self.indexes.push(index);
        self.seqs.push(seq);
        self.tokens.push(token);
    }

    async fn ask<B>(
        &self,
        queue: &Known<B>,
        function: &str,
        time: Option<i64>,
    ) -> Result<Vec<Row>, Failed> {
        let schema = queue.db.schema();
        let third = if time.is_some() { ", $3" } else { "" };
        let sql = format!("SELECT * FROM {schema}.{function}($1, $2{third})");
        let mut values: Vec<Value<'_>> = vec![
            (&self.seqs, Type::INT8_ARRAY),
            (&self.tokens, Type::INT8_ARRAY),
        ];
        if let Some(time) = &time {
            values.push((time, Type::INT8));
        }
        queue.db.receiving().query(&sql, &values).await
    }

    /// Those that are not among what the server has answered.
    fn without(&self, rows: &[Row]) -> Result<Self, Failed> {
        let mut settled = vec![false; self.indexes.len()];
        for row in rows {
            settled[self.nth(row)?] = true;
        }
        let mut rest = Self::default();
        for (nth, _) in settled.iter().enumerate().filter(|(_, settled)| !**settled) {
            rest.push(self.indexes[nth], (self.seqs[nth], self.tokens[nth]));
        }
        Ok(rest)
    }

    /// What is said of those that are not settled, by what is there of them.
    fn tell(&self, there: &[Row]) -> Result<Vec<Unsettled>, Failed> {
        let mut told: Vec<_> = self.indexes.iter().copied().map(Unsettled::gone).collect();
        for row in there {
            let nth = self.nth(row)?;
            let ours: bool = row.try_get(1).map_err(|error| Failed::from(&error))?;
            let index = self.indexes[nth];
            told[nth] = if ours {
                Unsettled::away(index, "another transaction works on the message")
            } else {
                Unsettled::refused(index, LOST)
            };
        }
        Ok(told)
    }

    /// Which of them a row is about; the server counts from 1.
    fn nth(&self, row: &Row) -> Result<usize, Failed> {
        let nth: i64 = row.try_get(0).map_err(|error| Failed::from(&error))?;
        let nth = usize::try_from(nth - 1).ok();
        let nth = nth.filter(|nth| *nth < self.indexes.len());
        nth.ok_or_else(|| Failed::away("it answers for a delivery that it was not asked of"))
    }
}
