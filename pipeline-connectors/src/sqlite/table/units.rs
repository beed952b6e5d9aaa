//! Rows that are written together or not at all, each unit with what is settled by it, and any number of units in one
//! transaction.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipeline_runtime::sink::{Settles, Sink, SinkError, Stake, Written};
use pipeline_runtime::{BoxError, ErrorKind, Name, guard};
use rusqlite::{Connection, Transaction};

use super::sql::Sql;
use super::write::{Effect, Refused, Statements, row_error};
use super::{RowError, Table, TableRow, TableSnapshot, WriteError};
use crate::sqlite::{OpenError, begin, with_room};

/// What a unit may do.
#[derive(Debug)]
pub enum Claim {
    /// Its rows are written.
    Ours,
    /// It is somebody else's by now: nothing of it is written.
    Lost,
    /// Its rows were written before.
    Before,
    /// It cannot be settled here, for this reason.
    Refused(String),
}

/// Claims what is at stake with a unit, in the transaction that its rows are written in.
pub trait Claims: Clone + Send + Sync + 'static {
    /// What it settles.
    const SETTLES: Settles;

    /// What is written begins as this.
    fn written() -> Written;

    /// Settles what is at stake with a unit, if that can be.
    fn claim(&self, transaction: &Transaction<'_>, stake: &Stake) -> rusqlite::Result<Claim>;
}

/// A table whose rows are written with what they settle.
#[derive(Debug, Clone)]
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct Claiming<C> {
    table: Table,
    claims: C,
    /// Whether units of the last batch had to be undone.
    refuses: Arc<AtomicBool>,
}

impl<C: Claims> Claiming<C> {
    /// `what` lies in the file at `place`, where the table must be too. Its database waits for the disk at every
    /// transaction from here on: what it writes is not written again.
    pub(crate) fn new(
        table: &Table,
        claims: C,
        place: &Path,
        what: &str,
    ) -> Result<Self, OpenError> {
        let database = table.database();
        if !same_file(database.path(), place) {
            let problem = format!("it is not in the file of {what}, {}", place.display());
            return Err(OpenError::of_table(database, table.name(), problem));
        }
        database
            .connection()
            .pragma_update(None, "synchronous", "FULL")
            .map_err(|error| OpenError::of_statement(database, table.name(), &error))?;
        Ok(Self {
            table: table.clone(),
            claims,
            refuses: Arc::default(),
        })
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

impl<R: TableRow, C: Claims> Sink<R> for Claiming<C> {
    const SETTLES: Settles = C::SETTLES;

    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        let stakes = items.iter().map(|_| Stake::default()).collect();
        self.settle(items, stakes).await
    }

    async fn settle(&self, items: Vec<R>, stakes: Vec<Stake>) -> Result<Written, SinkError<R>> {
        let rows = items.into_iter().map(|row| vec![row]).collect();
        let written = self.write_all(rows, stakes).await;
        written.map_err(|Unwritten { kind, error, items }| {
            SinkError::new(kind, error).with_items(items.into_iter().flatten().collect())
        })
    }

    async fn flush(&self) -> Result<(), SinkError<R>> {
        self.table.checkpoint().await
    }

    fn name(&self) -> Name {
        self.table.name().to_owned().into()
    }
}

impl<R: TableRow, C: Claims> Sink<Vec<R>> for Claiming<C> {
    const SETTLES: Settles = C::SETTLES;

    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        let stakes = items.iter().map(|_| Stake::default()).collect();
        self.settle(items, stakes).await
    }

    async fn settle(
        &self,
        items: Vec<Vec<R>>,
        stakes: Vec<Stake>,
    ) -> Result<Written, SinkError<Vec<R>>> {
        let written = self.write_all(items, stakes).await;
        written.map_err(|Unwritten { kind, error, items }| {
            SinkError::new(kind, error).with_items(items)
        })
    }

    async fn flush(&self) -> Result<(), SinkError<Vec<R>>> {
        self.table.checkpoint().await
    }

    fn name(&self) -> Name {
        self.table.name().to_owned().into()
    }
}

/// Items of which nothing is written, and why.
struct Unwritten<R> {
    kind: ErrorKind,
    error: BoxError,
    items: Vec<Vec<R>>,
}

/// The rows of an item: of one message or task, or, for a batch, of several with one row each.
struct Item<R> {
    rows: Vec<R>,
    stake: Stake,
}

impl<R> Item<R> {
    /// The rows of each unit, what is at stake with it, and its number in the item if that is a batch.
    fn units(&self) -> impl Iterator<Item = (Option<usize>, &[R], &Stake)> {
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

impl<C: Claims> Claiming<C> {
    /// Writes all items in one transaction.
    async fn write_all<R: TableRow>(
        &self,
        items: Vec<Vec<R>>,
        stakes: Vec<Stake>,
    ) -> Result<Written, Unwritten<R>> {
        let (table, claims, refuses) =
            (&self.table, self.claims.clone(), Arc::clone(&self.refuses));
        let (database, stats, mut written) =
            (table.database().clone(), table.stats(), C::written());
        let items = items.into_iter().zip(stakes);
        let items: Vec<_> = items.map(|(rows, stake)| Item { rows, stake }).collect();
        let work = move |connection: &mut Connection, sql: &Sql| {
            let batch = with_room(connection, |connection| {
                Batch::write(connection, sql, &items, &claims, &refuses)
            });
            let rows = items.into_iter().map(|item| item.rows);
            match batch {
                Ok(batch) => {
                    // They are written, whatever their drop does.
                    guard::let_go_of(rows.flatten());
                    Ok(batch)
                }
                Err(error) => {
                    let error = WriteError::new(&sql.table, &database, &error);
                    let (kind, items) = (error.kind(), rows.collect::<Vec<_>>());
                    // What is away comes again.
                    if kind != ErrorKind::Away {
                        stats.add(TableSnapshot {
                            failed: items.iter().map(|rows| rows.len() as u64).sum(),
                            ..TableSnapshot::default()
                        });
                    }
                    let error = error.into();
                    Err(Unwritten { kind, error, items })
                }
            }
        };
        let batch = table.run(work).await.unwrap_or_else(|panic| {
            Err(Unwritten {
                kind: ErrorKind::Refused,
                error: panic.into(),
                items: Vec::new(),
            })
        })?;
        table.count(batch.counts);
        for (index, part, is_lost) in batch.aside {
            if is_lost {
                written.lost(index, part);
            } else {
                written.already_done(index, part);
            }
        }
        for (index, part, error) in batch.failed {
            match part {
                Some(part) => written.fail_part(index, part, error),
                None => written.fail(index, error),
            }
        }
        Ok(written)
    }
}

/// What became of one transaction.
#[derive(Default)]
struct Batch {
    counts: TableSnapshot,
    failed: Vec<(usize, Option<usize>, RowError)>,
    /// What was lost, and what was written before.
    aside: Vec<(usize, Option<usize>, bool)>,
}

/// How what was done for a unit is undone, where it does not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// With the whole transaction.
    All,
    /// Alone: each has a savepoint.
    Unit,
}

impl Batch {
    /// A savepoint costs about as much as a row. Few batches need any, so they are tried without, but behind one that
    /// needed them.
    fn write<R: TableRow>(
        connection: &mut Connection,
        sql: &Sql,
        items: &[Item<R>],
        claims: &impl Claims,
        refuses: &AtomicBool,
    ) -> rusqlite::Result<Self> {
        // Relaxed: a guess, which costs only time if it is wrong.
        if !refuses.load(Ordering::Relaxed)
            && let Some(batch) = Self::attempt(connection, sql, items, claims, Undo::All)?
        {
            return Ok(batch);
        }
        let batch = Self::attempt(connection, sql, items, claims, Undo::Unit)?.unwrap_or_default();
        let refused = !batch.failed.is_empty() || !batch.aside.is_empty();
        // Relaxed: as above.
        refuses.store(refused, Ordering::Relaxed);
        Ok(batch)
    }

    /// `None` if a unit has to be undone, which takes the others along: nothing is written.
    fn attempt<R: TableRow>(
        connection: &mut Connection,
        sql: &Sql,
        items: &[Item<R>],
        claims: &impl Claims,
        undo: Undo,
    ) -> rusqlite::Result<Option<Self>> {
        let mut batch = Self::default();
        let transaction = begin(connection)?;
        let mut statements = Statements::of(&transaction, sql)?;
        for (index, item) in items.iter().enumerate() {
            for (part, rows, stake) in item.units() {
                if undo == Undo::Unit {
                    transaction.prepare_cached("SAVEPOINT unit")?.execute([])?;
                }
                let stays = batch.unit(
                    (index, part),
                    rows,
                    stake,
                    |stake| claims.claim(&transaction, stake),
                    (sql, &mut statements),
                )?;
                if undo == Undo::All {
                    if stays {
                        continue;
                    }
                    return Ok(None);
                }
                if !stays {
                    if transaction.is_autocommit() {
                        return Err(Refused::Row(
                            "a constraint of the table has undone the transaction".into(),
                        )
                        .into_error());
                    }
                    transaction
                        .prepare_cached("ROLLBACK TO unit")?
                        .execute([])?;
                }
                transaction.prepare_cached("RELEASE unit")?.execute([])?;
            }
        }
        drop(statements);
        transaction.commit()?;
        Ok(Some(batch))
    }

    /// Whether what was done for the unit stays.
    fn unit<R: TableRow>(
        &mut self,
        (index, part): (usize, Option<usize>),
        rows: &[R],
        stake: &Stake,
        claim: impl FnOnce(&Stake) -> rusqlite::Result<Claim>,
        (sql, statements): (&Sql, &mut Statements<'_>),
    ) -> rusqlite::Result<bool> {
        let count = rows.len() as u64;
        match claim(stake)? {
            Claim::Ours => {}
            Claim::Lost => {
                self.counts.lost += count;
                self.aside.push((index, part, true));
                return Ok(false);
            }
            Claim::Before => {
                self.counts.already_done += count;
                self.aside.push((index, part, false));
                return Ok(false);
            }
            Claim::Refused(problem) => {
                self.counts.failed += count.max(1);
                self.failed
                    .push((index, part, RowError::of_item(&sql.table, problem)));
                return Ok(false);
            }
        }
        match write_rows(rows, statements) {
            Ok(counts) => {
                self.counts += counts;
                Ok(true)
            }
            Err((row, Refused::Row(problem))) => {
                self.counts.failed += 1;
                self.failed
                    .push((index, part, row_error(sql, row, problem)));
                Ok(false)
            }
            Err((_, refused)) => Err(refused.into_error()),
        }
    }
}

/// All rows of a unit, or the one that was refused and why.
fn write_rows<'r, R: TableRow>(
    rows: &'r [R],
    statements: &mut Statements<'_>,
) -> Result<TableSnapshot, (&'r R, Refused)> {
    let mut counts = TableSnapshot::default();
    for row in rows {
        match statements.write(row) {
            Ok(Effect::Inserted) => counts.inserted += 1,
            Ok(Effect::Updated) => counts.updated += 1,
            Ok(Effect::Ignored) => counts.ignored += 1,
            Err(refused) => return Err((row, refused)),
        }
    }
    Ok(counts)
}
