//! Rows that are written together or not at all, each unit with what is settled by it, and any number of units in one
//! transaction.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipeline_runtime::sink::{Settles, Stake, Written};
use pipeline_runtime::{BoxError, ErrorKind, Name, guard};
use rusqlite::{Connection, Transaction};

use super::Table;
use super::sql::Sql;
use super::write::{Effect, Refused, Statements, failed};
use crate::sqlite::{OpenError, OpenErrorKind, with_room};
use crate::table::{Aside, At, Batch, Item, RowError, TableRow, TableSnapshot, Unwritten, Writes};

/// What a unit may do.
#[derive(Debug)]
pub enum Claim {
    /// Its rows are written.
    Ours,
    /// Nothing of it is written.
    Aside(Aside),
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
            let table = table.name().to_owned();
            let kind = OpenErrorKind::Elsewhere { table, problem };
            return Err(OpenError::of_file(database.path(), kind));
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

pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

impl<C: Claims> Writes for Claiming<C> {
    const SETTLES: Settles = C::SETTLES;

    fn name(&self) -> Name {
        self.table.name().to_owned().into()
    }

    async fn finish(&self) -> Result<(), BoxError> {
        self.table.checkpoint().await.map_err(BoxError::from)
    }

    async fn write_all<R: TableRow>(&self, items: Vec<Item<R>>) -> Result<Written, Unwritten<R>> {
        let (table, claims, refuses) =
            (&self.table, self.claims.clone(), Arc::clone(&self.refuses));
        let (database, stats, mut written) =
            (table.database().clone(), table.stats(), C::written());
        let work = move |connection: &mut Connection, sql: &Sql| {
            let batch = with_room(connection, |connection| {
                write(connection, sql, &items, &claims, &refuses)
            });
            let rows = items.into_iter().map(|item| item.rows);
            match batch {
                Ok(batch) => {
                    // They are written, whatever their drop does.
                    guard::let_go_of(rows.flatten());
                    Ok(batch)
                }
                Err(error) => {
                    let error = failed(sql, &database, &error);
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
        batch.tell(0, &mut written);
        Ok(written)
    }
}

/// How what was done for a unit is undone, where it does not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// With the whole transaction.
    All,
    /// Alone: each has a savepoint.
    Unit,
}

/// A savepoint costs about as much as a row. Few batches need any, so they are tried without, but behind one that needed
/// them.
fn write<R: TableRow>(
    connection: &mut Connection,
    sql: &Sql,
    items: &[Item<R>],
    claims: &impl Claims,
    refuses: &AtomicBool,
) -> rusqlite::Result<Batch> {
    // Relaxed: a guess, which costs only time if it is wrong.
    if !refuses.load(Ordering::Relaxed)
        && let Some(batch) = attempt(connection, sql, items, claims, Undo::All)?
    {
        return Ok(batch);
    }
    let batch = attempt(connection, sql, items, claims, Undo::Unit)?.unwrap_or_default();
    // Relaxed: as above.
    refuses.store(!batch.is_whole(), Ordering::Relaxed);
    Ok(batch)
}

/// `None` if a unit has to be undone, which takes the others along: nothing is written.
fn attempt<R: TableRow>(
    connection: &mut Connection,
    sql: &Sql,
    items: &[Item<R>],
    claims: &impl Claims,
    undo: Undo,
) -> rusqlite::Result<Option<Batch>> {
    let mut batch = Batch::default();
    let transaction = sql.begin(connection)?;
    let mut statements = Statements::of(&transaction, sql)?;
    for (index, item) in items.iter().enumerate() {
        for (part, rows, stake) in item.units() {
            if undo == Undo::Unit {
                transaction.prepare_cached("SAVEPOINT unit")?.execute([])?;
            }
            let claim = claims.claim(&transaction, stake)?;
            let stays = unit(
                &mut batch,
                (index, part),
                rows,
                claim,
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
    batch: &mut Batch,
    at: At,
    rows: &[R],
    claim: Claim,
    (sql, statements): (&Sql, &mut Statements<'_>),
) -> rusqlite::Result<bool> {
    let count = rows.len();
    match claim {
        Claim::Ours => {}
        Claim::Aside(why) => {
            batch.set_aside(at, count, why);
            return Ok(false);
        }
        Claim::Refused(problem) => {
            let error = RowError::of_item(&sql.names.table, problem);
            batch.fail(at, count.max(1), error);
            return Ok(false);
        }
    }
    match write_rows(rows, statements) {
        Ok(counts) => {
            batch.counts += counts;
            Ok(true)
        }
        Err((row, Refused::Row(problem))) => {
            batch.fail(at, 1, RowError::of_row(&sql.names, row, problem));
            Ok(false)
        }
        Err((_, refused)) => Err(refused.into_error()),
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
