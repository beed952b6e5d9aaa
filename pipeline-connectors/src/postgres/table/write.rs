//! One transaction. Where a row is refused, its batch is halved until that row is alone.

use std::collections::HashSet;
use std::ops::Range;

use pipeline_runtime::private::held;
use pipeline_runtime::{ErrorKind, guard};
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::claims::{Claim, Claims};
use super::encode::Encoded;
use super::inner::Inner;
use super::load::{Fate, Load};
use crate::postgres::answer::answered;
use crate::postgres::error::Failed;
use crate::postgres::line::{Alone, Value};
use crate::table::{Batch, Item, TableRow, TableSnapshot, Unwritten, WriteError};

/// How much is sent at once, in bytes, but for a row that is larger.
const AT_ONCE: usize = 16 << 20;

/// A lock is not waited for longer than an answer, and a program that is stopped holds none for long. What is checked, is
/// checked with its row, not at the end where nobody knows whose fault it was.
const BEGIN: &str = "
    SET LOCAL lock_timeout = '30s';
    SET LOCAL idle_in_transaction_session_timeout = '30s';
    SET CONSTRAINTS ALL IMMEDIATE;";
const FIRST: &str = "SAVEPOINT unit";
const NEXT: &str = "RELEASE unit; SAVEPOINT unit";
const UNDO: &str = "ROLLBACK TO unit";

/// Writes all items in one transaction.
pub(super) async fn write_batch<R: TableRow, C: Claims>(
    table: &Inner,
    claims: &C,
    items: Vec<Item<R>>,
) -> Result<Batch, Unwritten<R>> {
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

/// Writes all units, but for those that it marks.
async fn write<C: Claims>(
    table: &Inner,
    claims: &C,
    load: &mut Load<C::Stake>,
) -> Result<TableSnapshot, Failed> {
    if load.open(0..load.units.len()).is_empty() {
        return Ok(TableSnapshot::default());
    }
    let mut alone = table.db.transacting().alone().await?;
    let written = in_transaction(&mut alone, table, claims, load).await;
    if written.as_ref().is_err_and(|failed| failed.code.is_none()) {
        // Whatever it still says is not what is asked next.
        alone.hang_up();
    }
    written
}

async fn in_transaction<C: Claims>(
    alone: &mut Alone<'_>,
    table: &Inner,
    claims: &C,
    load: &mut Load<C::Stake>,
) -> Result<TableSnapshot, Failed> {
    let transaction = alone.transaction().await?;
    let writing = Writing {
        transaction: &transaction,
        table,
        claims,
    };
    writing.begin().await?;
    let counts = writing.all(load).await?;
    answered(transaction.commit()).await?;
    Ok(counts)
}

struct Writing<'t, C> {
    transaction: &'t Transaction<'t>,
    table: &'t Inner,
    claims: &'t C,
}

/// What became of some units.
enum Attempt {
    Written(TableSnapshot),
    /// Some are not ours, of which a part is claimed: that has to be undone.
    Again,
    /// One of the rows is refused.
    Refused(Failed),
}

impl<C: Claims> Writing<'_, C> {
    async fn begin(&self) -> Result<(), Failed> {
        #[cfg(feature = "service")]
        if let Some(fence) = &self.table.fence {
            self.run(BEGIN).await?;
            let held = fence.hold(self.transaction).await?;
            held.map_err(|stale| Failed::ours(stale.to_string()))?;
            return self.run(FIRST).await;
        }
        self.run(&[BEGIN, FIRST].concat()).await
    }

    async fn run(&self, sql: &str) -> Result<(), Failed> {
        answered(self.transaction.batch_execute(sql)).await
    }

    async fn all(&self, load: &mut Load<C::Stake>) -> Result<TableSnapshot, Failed> {
        let mut counts = TableSnapshot::default();
        let all = 0..load.units.len();
        let mut left = vec![all];
        while let Some(units) = left.pop() {
            match self.attempt(load, units.clone()).await? {
                Attempt::Written(more) => {
                    counts += more;
                    if !left.is_empty() {
                        self.run(NEXT).await?;
                    }
                }
                Attempt::Again => {
                    self.run(UNDO).await?;
                    left.push(units);
                }
                Attempt::Refused(failed) => {
                    self.run(UNDO).await?;
                    match *load.open(units.clone()) {
                        [unit] => load.units[unit].fate = self.fault(load, unit, failed).await?,
                        ref open => {
                            // The first half is on top: of equal keys, the last is to be written last.
                            let middle = open[open.len() / 2];
                            left.extend([middle..units.end, units.start..middle]);
                        }
                    }
                }
            }
        }
        Ok(counts)
    }

    async fn attempt(
        &self,
        load: &mut Load<C::Stake>,
        units: Range<usize>,
    ) -> Result<Attempt, Failed> {
        let open = load.open(units);
        let stakes: Vec<_> = open.iter().map(|unit| &load.units[*unit].stake).collect();
        let claims = self.claims.claim(self.transaction, &stakes).await?;
        let (mut rows, mut again) = (Vec::new(), false);
        for (unit, claim) in open.into_iter().zip(claims) {
            let unit = &mut load.units[unit];
            match claim {
                Claim::Ours => rows.extend(unit.rows.clone()),
                Claim::Aside { why, partly } => {
                    unit.fate = Fate::Aside(why);
                    again |= partly;
                }
            }
        }
        if again {
            return Ok(Attempt::Again);
        }
        match self.insert(&load.encoded, rows).await {
            Ok(counts) => Ok(Attempt::Written(counts)),
            Err(failed) if failed.kind == ErrorKind::Refused => Ok(Attempt::Refused(failed)),
            Err(failed) => Err(failed),
        }
    }

    async fn insert(
        &self,
        encoded: &Encoded,
        mut rows: Vec<usize>,
    ) -> Result<TableSnapshot, Failed> {
        let sql = &self.table.sql;
        let mut counts = TableSnapshot::default();
        if sql.updates {
            let all = rows.len();
            rows = latest(encoded, &self.table.names.key, rows);
            counts.updated += (all - rows.len()) as u64;
        }
        for rows in at_once(encoded, &rows) {
            let columns = self.table.columns.iter().enumerate();
            let arrays: Vec<_> = columns
                .map(|(index, column)| {
                    let (element, array) = column.takes.types();
                    (encoded.of(index, element, rows), array)
                })
                .collect();
            let values: Vec<Value<'_>> = arrays
                .iter()
                .map(|(values, array)| (values as &(dyn ToSql + Sync), array.clone()))
                .collect();
            let counted = answered(self.transaction.query_typed_one(&sql.insert, &values)).await?;
            let read = |at| counted.try_get::<_, i64>(at).map(i64::unsigned_abs);
            let failed = |error: tokio_postgres::Error| Failed::from(&error);
            let (new, written) = (read(0).map_err(failed)?, read(1).map_err(failed)?);
            counts.inserted += new;
            counts.updated += written - new;
            counts.ignored += rows.len() as u64 - written;
        }
        Ok(counts)
    }

    /// Why a unit is refused: which of its rows is at fault, and which column if the server does not tell.
    async fn fault(
        &self,
        load: &Load<C::Stake>,
        unit: usize,
        mut failed: Failed,
    ) -> Result<Fate, Failed> {
        let rows = load.units[unit].rows.clone();
        // So many rows are written, and with so many they are not.
        let (mut good, mut bad) = (0, rows.len());
        while bad - good > 1 {
            let middle = usize::midpoint(good, bad);
            let some = rows.start..rows.start + middle;
            let tried = self.insert(&load.encoded, some.collect()).await;
            self.run(UNDO).await?;
            match tried {
                Ok(_) => good = middle,
                Err(refused) if refused.kind == ErrorKind::Refused => {
                    (bad, failed) = (middle, refused);
                }
                Err(failed) => return Err(failed),
            }
        }
        let row = bad - 1;
        let column = self
            .column(&load.encoded, rows.start + row, &failed)
            .await?;
        let problem = match column {
            Some(name) => format!("its `{name}`: {}", failed.said),
            None => failed.said,
        };
        Ok(Fate::Refused(Some(row), problem))
    }

    /// The column whose value is not read as one of its type.
    async fn column(
        &self,
        encoded: &Encoded,
        row: usize,
        failed: &Failed,
    ) -> Result<Option<&str>, Failed> {
        if !failed.is_of_data() {
            return Ok(None);
        }
        let columns = self.table.columns.iter().enumerate();
        for (index, column) in columns.filter(|(_, column)| column.cast.is_some()) {
            let (element, array) = column.takes.types();
            let values = encoded.of(index, element, std::slice::from_ref(&row));
            let sql = format!("SELECT value::{} FROM unnest($1) AS value", column.of);
            let values: [Value<'_>; 1] = [(&values, array)];
            match answered(self.transaction.query_typed(&sql, &values)).await {
                Ok(_) => {}
                Err(refused) if refused.kind == ErrorKind::Refused => {
                    self.run(UNDO).await?;
                    return Ok(Some(&column.name));
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(None)
    }
}

/// Of rows with equal keys the last, in the order in which they are: one statement can write each key once.
fn latest(encoded: &Encoded, key: &[usize], rows: Vec<usize>) -> Vec<usize> {
    let mut seen = HashSet::with_capacity(rows.len());
    let is_last = |row: &usize| encoded.key(*row, key).is_none_or(|key| seen.insert(key));
    let mut rows: Vec<_> = rows.into_iter().rev().filter(is_last).collect();
    rows.reverse();
    rows
}

/// The rows in runs, each of which is sent at once.
fn at_once<'r>(encoded: &Encoded, rows: &'r [usize]) -> Vec<&'r [usize]> {
    let mut bytes = 0;
    let mut runs = Vec::new();
    let mut rest = rows;
    let mut count = 0;
    for row in rows {
        let size = encoded.size(*row);
        if count > 0 && bytes + size > AT_ONCE {
            let (run, more) = rest.split_at(count);
            runs.push(run);
            (rest, count, bytes) = (more, 0, 0);
        }
        count += 1;
        bytes += size;
    }
    if !rest.is_empty() {
        runs.push(rest);
    }
    runs
}
