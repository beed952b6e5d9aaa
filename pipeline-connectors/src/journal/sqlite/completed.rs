//! Exactly once: a task's rows and its completion, in one transaction.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use pipeline_runtime::sink::{Sink, SinkError, Written};
use rusqlite::{Connection, Statement, TransactionBehavior, params};

use super::Sqlite;
use super::batch::now;
use crate::sqlite::{
    Effect, OpenError, Refused, Row, RowError, Sql, Table, TableSnapshot, kind, refused, row_error,
    write_row,
};

/// In the transaction of the rows; what is there already was written before.
const COMPLETE: &str =
    "INSERT INTO brigade_completed (task, at) VALUES (?1, ?2) ON CONFLICT (task) DO NOTHING";

/// Why the second of two fails.
const SECOND: &str = "another `Completed` of its task came before it; give all rows of a task to one, with `Completed::rows`";

/// The rows of a task, which is done when they are written.
///
/// One for each task: what comes of a task that is done is not written. All rows of a task go into one, with
/// [`Completed::rows`]; behind a `flat_map` that makes several of one task, only the first of them counts.
#[derive(Debug, Clone)]
pub struct Completed<R> {
    task: Arc<str>,
    rows: Vec<R>,
}

impl<R> Completed<R> {
    /// A task, by its id, with one row.
    pub fn new(task: impl Into<Arc<str>>, row: R) -> Self {
        Self::rows(task, vec![row])
    }

    /// A task with any number of rows, also none.
    pub fn rows(task: impl Into<Arc<str>>, rows: Vec<R>) -> Self {
        Self {
            task: task.into(),
            rows,
        }
    }
}

impl Sqlite {
    /// The table as a sink of [`Completed`] tasks: the rows of a task and its completion are written in one transaction,
    /// and a task that comes again after that writes nothing. So its rows are there exactly once, whenever a process
    /// dies.
    ///
    /// One [`Completed`] does a task: the rows of a second one are not written. If both come in one batch, each with the
    /// id that `task_id()` of one record gave, the second fails; otherwise it cannot be told from a task that comes
    /// again, and its rows are counted as ignored. Give several rows of a task to one [`Completed::rows`].
    ///
    /// The table must be in the file of the journal. Its database waits for the disk at every transaction from here on.
    ///
    /// # Errors
    ///
    /// If it is in another file.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_connectors as brigade;
    /// # use brigade::{Database, journal};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("tasks.db");
    /// let journal = journal::sqlite(&path).open()?;
    /// let reports = Database::open(&path)?.table("reports").column("text", "TEXT").create().open()?;
    /// // At the end of a pipeline: map(|m| Completed::new(m.task_id(), (m.text,))), :drive sink
    /// let sink = journal.completing(&reports)?;
    /// # let _: &dyn Send = &sink;
    /// # Ok(())
    /// # }
    /// ```
    pub fn completing(&self, table: &Table) -> Result<Completing, OpenError> {
        let (database, journal) = (table.database(), &self.0.path);
        if !same_file(database.path(), journal) {
            let problem = format!(
                "it is not in the file of the journal, {}",
                journal.display()
            );
            return Err(OpenError::of_table(database, table.name(), problem));
        }
        let connection = database.connection();
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(|error| OpenError::of_statement(database, table.name(), &error))?;
        drop(connection);
        Ok(Completing(table.clone()))
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A table that takes [`Completed`] tasks; [`Sqlite::completing`] makes it.
///
/// A task one of whose rows is refused fails, and none of its rows is written; the others of its transaction are.
#[derive(Debug, Clone)]
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct Completing(Table);

impl<R: Row> Sink<Completed<R>> for Completing {
    async fn write(&self, items: Vec<Completed<R>>) -> Result<Written, SinkError<Completed<R>>> {
        let waited = self.0.database().busy_timeout();
        let work = move |connection: &mut Connection, sql: &Sql| {
            let mut batch = Batch::default();
            match batch.write(connection, sql, &items) {
                Ok(()) => Ok((batch.counts, batch.failed)),
                Err(error) => Err((error, items)),
            }
        };
        let outcome = self.0.run(work).await.map_err(SinkError::refused)?;
        let (counts, failed) = outcome.map_err(|(error, items)| {
            let why = refused(&error, waited);
            let table = self.0.name();
            let why = format!("nothing of this batch was written to the table `{table}`: {why}");
            SinkError::new(kind(&error), why).with_items(items)
        })?;
        self.0.count(counts);
        let mut written = Written::all();
        for (index, error) in failed {
            written.fail(index, error);
        }
        Ok(written)
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }
}

/// One transaction.
#[derive(Default)]
struct Batch {
    counts: TableSnapshot,
    failed: Vec<(usize, RowError)>,
}

impl Batch {
    fn write<R: Row>(
        &mut self,
        connection: &mut Connection,
        sql: &Sql,
        items: &[Completed<R>],
    ) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut complete = transaction.prepare_cached(COMPLETE)?;
        let mut insert = transaction.prepare_cached(&sql.insert)?;
        let mut update = match &sql.update {
            Some(update) => Some(transaction.prepare_cached(update)?),
            None => None,
        };
        let now = now();
        // By their place in memory: two deliveries of one task, each with an id of its own, are no mistake.
        let mut came = HashSet::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if !came.insert(Arc::as_ptr(&item.task))
                && let Some(row) = item.rows.first()
            {
                self.counts.failed += 1;
                self.failed
                    .push((index, row_error(sql, row, SECOND.to_owned())));
                continue;
            }
            transaction.prepare_cached("SAVEPOINT task")?.execute([])?;
            if complete.execute(params![&*item.task, now])? == 0 {
                self.counts.ignored += item.rows.len() as u64;
            } else if let Err((row, refused)) =
                self.rows(&item.rows, &mut insert, update.as_deref_mut())
            {
                match refused {
                    Refused::Row(problem) if !transaction.is_autocommit() => {
                        self.counts.failed += 1;
                        self.failed.push((index, row_error(sql, row, problem)));
                        transaction
                            .prepare_cached("ROLLBACK TO task")?
                            .execute([])?;
                    }
                    refused => return Err(refused.into_error()),
                }
            }
            transaction.prepare_cached("RELEASE task")?.execute([])?;
        }
        drop((complete, insert, update));
        transaction.commit()
    }

    /// All rows of a task, or the one that was refused and why.
    fn rows<'r, R: Row>(
        &mut self,
        rows: &'r [R],
        insert: &mut Statement<'_>,
        mut update: Option<&mut Statement<'_>>,
    ) -> Result<(), (&'r R, Refused)> {
        let mut counts = TableSnapshot::default();
        for row in rows {
            match write_row(row, insert, update.as_deref_mut()) {
                Ok(Effect::Inserted) => counts.inserted += 1,
                Ok(Effect::Updated) => counts.updated += 1,
                Ok(Effect::Ignored) => counts.ignored += 1,
                Err(refused) => return Err((row, refused)),
            }
        }
        self.counts.inserted += counts.inserted;
        self.counts.updated += counts.updated;
        self.counts.ignored += counts.ignored;
        Ok(())
    }
}
