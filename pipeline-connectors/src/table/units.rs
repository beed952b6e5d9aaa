//! Rows that are written together or not at all: units, each with what is settled by it.

use std::future::Future;

use pipeline_runtime::sink::{Settles, Sink, SinkError, Stake, Written};
use pipeline_runtime::{BoxError, ErrorKind, Name};

use super::{RowError, TableRow, TableSnapshot};

/// Writes rows and settles what is at stake with them, in one transaction.
pub trait Writes: Clone + Send + Sync + 'static {
    /// What it settles.
    const SETTLES: Settles;

    /// The name of the sink.
    fn name(&self) -> Name;

    /// Writes all items in one transaction.
    fn write_all<R: TableRow>(
        &self,
        items: Vec<Item<R>>,
    ) -> impl Future<Output = Result<Written, Unwritten<R>>> + Send;

    /// Nothing more comes.
    fn finish(&self) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A table whose rows are written with what they settle.
#[derive(Debug, Clone)]
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct Settled<W>(pub(crate) W);

impl<R: TableRow, W: Writes> Sink<R> for Settled<W> {
    const SETTLES: Settles = W::SETTLES;

    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        let stakes = items.iter().map(|_| Stake::default()).collect();
        self.settle(items, stakes).await
    }

    async fn settle(&self, items: Vec<R>, stakes: Vec<Stake>) -> Result<Written, SinkError<R>> {
        let items = items.into_iter().map(|row| vec![row]);
        let written = self.0.write_all(Item::all(items, stakes)).await;
        written.map_err(|Unwritten { kind, error, items }| {
            SinkError::new(kind, error).with_items(items.into_iter().flatten().collect())
        })
    }

    async fn flush(&self) -> Result<(), SinkError<R>> {
        self.0.finish().await.map_err(SinkError::refused)
    }

    fn name(&self) -> Name {
        self.0.name()
    }
}

impl<R: TableRow, W: Writes> Sink<Vec<R>> for Settled<W> {
    const SETTLES: Settles = W::SETTLES;

    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        let stakes = items.iter().map(|_| Stake::default()).collect();
        self.settle(items, stakes).await
    }

    async fn settle(
        &self,
        items: Vec<Vec<R>>,
        stakes: Vec<Stake>,
    ) -> Result<Written, SinkError<Vec<R>>> {
        let written = self.0.write_all(Item::all(items, stakes)).await;
        written.map_err(|Unwritten { kind, error, items }| {
            SinkError::new(kind, error).with_items(items)
        })
    }

    async fn flush(&self) -> Result<(), SinkError<Vec<R>>> {
        self.0.finish().await.map_err(SinkError::refused)
    }

    fn name(&self) -> Name {
        self.0.name()
    }
}

/// Items of which nothing is written, and why.
#[derive(Debug)]
pub struct Unwritten<R> {
    pub(crate) kind: ErrorKind,
    pub(crate) error: BoxError,
    pub(crate) items: Vec<Vec<R>>,
}

/// The rows of an item: of one message or task, or, for a batch, of several with one row each.
#[derive(Debug)]
pub struct Item<R> {
    pub(crate) rows: Vec<R>,
    pub(crate) stake: Stake,
}

impl<R> Item<R> {
    fn all(rows: impl IntoIterator<Item = Vec<R>>, stakes: Vec<Stake>) -> Vec<Self> {
        let items = rows.into_iter().zip(stakes);
        items.map(|(rows, stake)| Self { rows, stake }).collect()
    }

    /// The rows of each unit, what is at stake with it, and its number in the item if that is a batch.
    pub(crate) fn units(&self) -> impl Iterator<Item = (Option<usize>, &[R], &Stake)> {
        let elements = &self.stake.elements;
        let is_batch = !elements.is_empty() && elements.len() == self.rows.len();
        let parts = elements.iter().zip(&self.rows).enumerate();
        let parts = parts
            .filter(move |_| is_batch)
            .map(|(part, (stake, row))| (Some(part), std::slice::from_ref(row), stake));
        let whole = (!is_batch).then_some((None, &*self.rows, &self.stake));
        parts.chain(whole)
    }
}

/// Where a unit stands: the index of its item, and its number in that if it is a batch.
pub(crate) type At = (usize, Option<usize>);

/// What became of the units of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) counts: TableSnapshot,
    pub(crate) failed: Vec<(At, RowError)>,
    /// Whose those are that are not written: somebody else's by now, or written before.
    aside: Vec<(At, Aside)>,
}

/// Why nothing is written of a unit that is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it depends on the features who names it, and whether there are tasks"
)]
pub enum Aside {
    /// It is somebody else's by now.
    Lost,
    /// Its rows were written before.
    Before,
}

impl Batch {
    pub(crate) fn fail(&mut self, at: At, rows: usize, error: RowError) {
        self.counts.failed += rows as u64;
        self.failed.push((at, error));
    }

    pub(crate) fn set_aside(&mut self, at: At, rows: usize, why: Aside) {
        match why {
            Aside::Lost => self.counts.lost += rows as u64,
            Aside::Before => self.counts.already_done += rows as u64,
        }
        self.aside.push((at, why));
    }

    /// Whether all units are written.
    #[cfg(feature = "sqlite")]
    pub(crate) fn is_whole(&self) -> bool {
        self.failed.is_empty() && self.aside.is_empty()
    }

    /// Tells what is not written; the first item of the batch is that many-th of the write.
    pub(crate) fn tell(self, first: usize, written: &mut Written) {
        for ((index, part), why) in self.aside {
            match why {
                Aside::Lost => written.lost(first + index, part),
                Aside::Before => written.already_done(first + index, part),
            }
        }
        for ((index, part), error) in self.failed {
            match part {
                Some(part) => written.fail_part(first + index, part, error),
                None => written.fail(first + index, error),
            }
        }
    }
}
