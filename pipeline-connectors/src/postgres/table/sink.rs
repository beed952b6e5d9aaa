//! A table, as its users hold it.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::sink::{Sink, SinkError, Stake, Written};
use pipeline_runtime::{ErrorKind, Name};

use super::claims::Nothing;
#[cfg(feature = "service")]
use super::fence::Fence;
use super::inner::Inner;
use super::write::write_batch;
use crate::table::{Item, TableRow, TableStats, Unwritten};

/// A table in a PostgreSQL database as a sink: of rows, each write in a transaction, or of `Vec`s of rows, each `Vec` in a
/// transaction of its own. Clones write to the same table.
///
/// The rows of a write are sent with one statement, each column as an array, or with several if they are larger than
/// 16 MiB. Of rows with equal keys in one write, `upsert` sends the last; the
/// others count as updated.
///
/// | values | what takes them |
/// |---|---|
/// | whole numbers | `smallint`, `integer`, `bigint`, of those that fit; numbers of floating point; `boolean` takes 0 and 1, and so `bool` |
/// | numbers | `real`, `double precision` |
/// | bytes | `bytea`, which takes text, too |
/// | text, and all numbers as text | what the server reads from text: `text`, `numeric`, `timestamptz`, `uuid`, `jsonb`, enums, domains, arrays written as `{1,2}`, … |
///
/// # Errors
///
/// A row that breaks a constraint, or whose values do not fit, fails alone with a [`RowError`](crate::sink::RowError)
/// that names the table, the row's key, and the column or the constraint; the rest of its transaction is written. It is
/// found by halving what it is written with, so a batch in which many rows are refused takes many statements. Deferred
/// constraints are checked at once. A text with a NUL (`U+0000`) is refused, which PostgreSQL cannot keep, and so is a row
/// of more than 512 MiB.
///
/// Where a transaction fails as a whole, none of its rows is written ([`WriteError`](crate::sink::WriteError)). What may
/// pass (no connection, a server that stops, a lock or a statement that takes longer than 30 seconds, a deadlock, a full
/// disk) is [away](pipeline_runtime::ErrorKind::Away): the pipeline waits, and writes the same rows again. Where the
/// connection is lost while a transaction is committed, nobody can tell whether it was, and it is written again, too: let
/// the table `upsert` or `ignore` what is there, or the rows be
/// [settled](crate::queue::PostgresQueue::settling) with their messages. A table that is gone, or that the user has no
/// right to, stops the pipeline.
///
/// # Cancel safety
///
/// A write that is dropped is rolled back, unless it is being committed.
#[derive(Clone)]
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct PostgresTable(pub(super) Arc<Inner>);

impl PostgresTable {
    /// A handle that counts what became of the rows.
    #[must_use]
    pub fn stats(&self) -> TableStats {
        self.0.stats.clone()
    }

    /// The same table, each of whose transactions has to hold that first.
    #[cfg(feature = "service")]
    pub(in crate::postgres) fn held_by(&self, fence: Fence) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.fence = Some(fence);
        Self(Arc::new(inner))
    }
}

impl<R: TableRow> Sink<R> for PostgresTable {
    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        let items = items.into_iter().map(|row| Item {
            rows: vec![row],
            stake: Stake::default(),
        });
        let batch = write_batch(&self.0, &Nothing, items.collect()).await;
        let batch = batch.map_err(|Unwritten { kind, error, items }| {
            SinkError::new(kind, error).with_items(items.into_iter().flatten().collect())
        })?;
        let mut written = Written::all();
        batch.tell(0, &mut written);
        Ok(written)
    }

    fn name(&self) -> Name {
        self.0.names.table.clone().into()
    }
}

impl<R: TableRow> Sink<Vec<R>> for PostgresTable {
    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        let mut written = Written::all();
        let mut left = items.into_iter();
        let mut index = 0;
        while let Some(rows) = left.next() {
            match write_batch(&self.0, &Nothing, vec![each_alone(rows)]).await {
                Ok(batch) => batch.tell(index, &mut written),
                Err(Unwritten { kind, error, items }) => match kind {
                    ErrorKind::Away => {
                        let items = items.into_iter().chain(left).collect();
                        let away = SinkError::away(error).with_written(written);
                        return Err(away.with_items(items));
                    }
                    ErrorKind::Closed => return Err(SinkError::closed(error)),
                    _ => written.fail(index, error),
                },
            }
            index += 1;
        }
        Ok(written)
    }

    fn name(&self) -> Name {
        self.0.names.table.clone().into()
    }
}

/// Each of these is refused by itself.
fn each_alone<R>(rows: Vec<R>) -> Item<R> {
    let mut stake = Stake::default();
    stake.elements = rows.iter().map(|_| Stake::default()).collect();
    Item { rows, stake }
}

impl fmt::Debug for PostgresTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.names.table;
        f.debug_tuple("PostgresTable").field(name).finish()
    }
}
