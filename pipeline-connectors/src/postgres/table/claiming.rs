//! A table whose rows are written with what they settle, in one transaction.

use pipeline_runtime::sink::{Settles, Written};
use pipeline_runtime::{BoxError, Name};

use super::claims::Claims;
use super::sink::PostgresTable;
use super::write::write_batch;
use crate::postgres::error::{ConnectError, ConnectErrorKind};
use crate::postgres::handle::Postgres;
use crate::table::{Item, TableRow, Unwritten, Writes};

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
            return Err(table.0.db.refused(ConnectErrorKind::Elsewhere {
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
        let batch = write_batch(&self.table.0, &self.claims, items).await?;
        let mut written = C::written();
        batch.tell(0, &mut written);
        Ok(written)
    }

    async fn finish(&self) -> Result<(), BoxError> {
        Ok(())
    }
}
