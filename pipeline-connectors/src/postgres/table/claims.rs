//! Rows with what they settle, in one transaction.

use std::future::Future;

use pipeline_runtime::private::held;
use pipeline_runtime::sink::{Settles, Stake, Written};
use pipeline_runtime::{BoxError, ErrorKind, Name, guard};
use tokio_postgres::Transaction;

use super::load::Load;
use super::sink::PostgresTable;
use super::write::write;
use crate::postgres::error::{ConnectError, ConnectErrorKind, Failed};
use crate::postgres::handle::Postgres;
use crate::table::{Aside, Batch, Item, TableRow, TableSnapshot, Unwritten, WriteError, Writes};

/// What a unit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Claim {
    /// Its rows are written.
    Ours,
    /// Nothing of it is written. `partly`: something of it is claimed, which has to be undone.
    Aside { why: Aside, partly: bool },
}

impl Claim {
    /// What so many of all parts of a unit are claimed of.
    pub(in crate::postgres) fn of(claimed: usize, all: usize, else_: Aside) -> Self {
        if claimed == all {
            Self::Ours
        } else {
            Self::Aside {
                why: else_,
                partly: claimed > 0,
            }
        }
    }
}

/// Claims what is at stake with units, in the transaction that their rows are written in.
pub(in crate::postgres) trait Claims: Clone + Send + Sync + 'static {
    /// What it settles.
    const SETTLES: Settles;

    /// What is at stake with a unit.
    type Stake: Default + Send + Sync;

    /// What is written begins as this.
    fn written() -> Written;

    /// What is at stake with a unit, or why that cannot be settled here.
    fn read(&self, stake: &Stake) -> Result<Self::Stake, String>;

    /// Settles what can be: by unit.
    fn claim(
        &self,
        transaction: &Transaction<'_>,
        stakes: &[&Self::Stake],
    ) -> impl Future<Output = Result<Vec<Claim>, Failed>> + Send;

    /// The transaction is committed.
    fn committed(&self);
}

/// A table whose rows are written with what they settle.
#[derive(Debug, Clone)]
pub struct Claiming<C> {
    table: PostgresTable,
    claims: C,
}

impl<C> Claiming<C> {
    /// `what` is opened from `db`, which the table must be, too: the transaction is one of its connections'.
    pub(in crate::postgres) fn new(
        table: &PostgresTable,
        claims: C,
        db: &Postgres,
        what: &str,
    ) -> Result<Self, ConnectError> {
        if !table.0.db.is(db) {
            let problem = format!(
                "it is opened from another handle than {what}; open both from one `Postgres`, or a clone of it"
            );
            return Err(table.0.db.refused(ConnectErrorKind::Table {
                table: table.0.names.table.clone(),
                problem,
            }));
        }
        Ok(Self {
            table: table.clone(),
            claims,
        })
    }
}

impl<C: Claims> Writes for Claiming<C> {
    const SETTLES: Settles = C::SETTLES;

    fn name(&self) -> Name {
        self.table.0.names.table.clone().into()
    }

    async fn write_all<R: TableRow>(&self, items: Vec<Item<R>>) -> Result<Written, Unwritten<R>> {
        let batch = write_batch(&self.table, &self.claims, items).await?;
        let mut written = C::written();
        batch.tell(0, &mut written);
        Ok(written)
    }

    async fn finish(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Writes all items in one transaction.
pub(super) async fn write_batch<R: TableRow, C: Claims>(
    table: &PostgresTable,
    claims: &C,
    items: Vec<Item<R>>,
) -> Result<Batch, Unwritten<R>> {
    let table = &*table.0;
    let mut load = Load::of(&items, &table.columns, claims);
    match held("the table", write(table, claims, &mut load)).await {
        Ok(counts) => {
            claims.committed();
            let mut batch = load.tell(&items, &table.names);
            batch.counts += counts;
            table.stats.add(batch.counts);
            // They are written, whatever their drop does.
            guard::let_go_of(items.into_iter().flat_map(|item| item.rows));
            Ok(batch)
        }
        Err(Failed { kind, said, .. }) => {
            let place = format!("PostgreSQL at {}", table.db.place());
            let error = WriteError::new(&table.names.table, place, kind, said);
            let items: Vec<_> = items.into_iter().map(|item| item.rows).collect();
            // What is away comes again.
            if kind != ErrorKind::Away {
                table.stats.add(TableSnapshot {
                    failed: items.iter().map(|rows| rows.len() as u64).sum(),
                    ..TableSnapshot::default()
                });
            }
            let error = error.into();
            Err(Unwritten { kind, error, items })
        }
    }
}

/// Of rows with which nothing is at stake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nothing;

impl Claims for Nothing {
    const SETTLES: Settles = Settles::Nothing;

    type Stake = ();

    fn written() -> Written {
        Written::all()
    }

    fn read(&self, _: &Stake) -> Result<(), String> {
        Ok(())
    }

    async fn claim(&self, _: &Transaction<'_>, stakes: &[&()]) -> Result<Vec<Claim>, Failed> {
        Ok(vec![Claim::Ours; stakes.len()])
    }

    fn committed(&self) {}
}
