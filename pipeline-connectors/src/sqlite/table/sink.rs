//! A table, and how it is described.

use std::sync::Arc;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::Name;
use pipeline_runtime::guard;
use pipeline_runtime::sink::{Sink, SinkError, Written};
use rusqlite::Connection;

#[cfg(feature = "service")]
use super::fence::Fence;
use super::sql::Sql;
use super::write::Batch;
use crate::sqlite::patience::Patience;
use crate::sqlite::{OpenError, OpenErrorKind, Sqlite, with_room};
use crate::table::{self, TableRow, TableSnapshot, TableStats, WriteError};

/// Describes a table; [`Sqlite::table`] begins it.
pub type TableBuilder = table::TableBuilder<Sqlite>;

impl Sqlite {
    /// A table of it, to be described and opened.
    pub fn table(&self, name: impl Into<String>) -> TableBuilder {
        TableBuilder::new(self.clone(), name.into())
    }
}

impl TableBuilder {
    /// Opens the table for writing.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// If there is no such table, it lacks a column, the key is not unique, or the database is locked.
    pub fn open(self) -> Result<Table, OpenError> {
        let name = &self.description.name;
        if let Err(problem) = self.description.check() {
            return Err(OpenError::of_table(&self.database, name, problem));
        }
        let sql = Sql::new(&self.description);
        let patience = Patience::new(self.database.busy_timeout());
        let mut connection = self.database.connection();
        let prepared = with_room(&mut *connection, |connection| {
            patience.retry(|| self.prepare(connection, &sql))
        });
        prepared.map_err(|error| {
            let kind = OpenErrorKind::of(&error, patience.waited());
            OpenError::of_refused(&self.database, name, kind)
        })?;
        drop(connection);
        Ok(Table(Arc::new(Inner {
            database: self.database,
            sql,
            stats: TableStats::default(),
        })))
    }

    fn prepare(&self, connection: &Connection, sql: &Sql) -> rusqlite::Result<()> {
        if self.description.create {
            // A transaction of its own, which begins with a look at the tables that the file has by then: another process
            // may have made this one.
            connection.execute(&sql.create, [])?;
        }
        connection.prepare_cached(&sql.insert)?;
        if let Some(update) = &sql.update {
            connection.prepare_cached(update)?;
        }
        Ok(())
    }
}

/// A table as a sink: of rows, each write in a transaction, or of `Vec`s of rows, each `Vec` in a transaction of its
/// own. Clones write to the same table.
///
/// Writing happens on a thread that may block (`spawn_blocking`), one transaction of a database at a time.
///
/// # Errors
///
/// A row that breaks a constraint, or whose values do not fit, fails alone with a [`RowError`](crate::sink::RowError)
/// that names the table and the row's key; the rest of its transaction is written. Where a transaction fails as a
/// whole, none of its rows is written ([`WriteError`](crate::sink::WriteError)). If the database is locked for longer
/// than the busy timeout, or the disk is full, it is [away](pipeline_runtime::ErrorKind::Away): the pipeline waits, and
/// writes the same rows again. A file that is damaged or may not be written stops the pipeline.
///
/// # Cancel safety
///
/// A transaction that runs when its write is dropped is completed; one that waits for its turn is not begun.
#[derive(Debug, Clone)]
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct Table(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    database: Sqlite,
    sql: Sql,
    stats: TableStats,
}

impl Table {
    /// A handle that counts what became of the rows.
    #[must_use]
    pub fn stats(&self) -> TableStats {
        self.0.stats.clone()
    }

    /// The same table, each of whose transactions has to hold that first.
    #[cfg(feature = "service")]
    pub(crate) fn held_by(&self, fence: Fence) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.sql.fence = Some(fence);
        Self(Arc::new(inner))
    }

    /// The database that it is in.
    pub(crate) fn database(&self) -> &Sqlite {
        &self.0.database
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.sql.names.table
    }

    /// Adds to what [`Table::stats`] shows.
    pub(crate) fn count(&self, counts: TableSnapshot) {
        self.0.stats.add(counts);
    }

    /// Moves what was written into the file.
    pub(super) async fn checkpoint(&self) -> Result<(), String> {
        self.0.database.checkpoint().await
    }

    /// Works with the table's statements on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Sql) -> T + Send + 'static,
    ) -> Result<T, String> {
        let table = Arc::clone(&self.0);
        let work = move |connection: &mut Connection| work(connection, &table.sql);
        self.0.database.run(work).await
    }

    /// Writes batches, each in a transaction, up to one at which the database is away: that error, and what is left.
    async fn write_all<R: TableRow>(&self, batches: Vec<Vec<R>>) -> Result<AllWritten<R>, String> {
        let table = Arc::clone(&self.0);
        let work = move |connection: &mut Connection| {
            let mut written = Vec::with_capacity(batches.len());
            let mut left = batches.into_iter();
            while let Some(rows) = left.next() {
                let mut batch = Batch::write(&table.sql, &table.database, connection, &rows);
                if let Some(away) = batch.error.take_if(|error| error.kind() == ErrorKind::Away) {
                    let left = std::iter::once(rows).chain(left).collect();
                    return (written, Some((away, left)));
                }
                table.stats.add(batch.counts);
                written.push(batch);
                // They are written, whatever their drop does.
                guard::let_go_of(rows);
            }
            (written, None)
        };
        self.0.database.run(work).await
    }
}

/// What became of batches; and why the rest is not written, if it is not.
type AllWritten<R> = (Vec<Batch>, Option<(WriteError, Vec<Vec<R>>)>);

impl<R: TableRow> Sink<R> for Table {
    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        let all = self.write_all(vec![items]).await;
        let (batches, rest) = all.map_err(SinkError::refused)?;
        if let Some((away, left)) = rest {
            return Err(SinkError::away(away).with_items(left.into_iter().flatten().collect()));
        }
        let mut written = Written::all();
        for batch in batches {
            if let Some(error) = batch.error {
                return Err(SinkError::new(error.kind(), error));
            }
            for (index, error) in batch.failed {
                written.fail(index, error);
            }
        }
        Ok(written)
    }

    async fn flush(&self) -> Result<(), SinkError<R>> {
        self.checkpoint().await.map_err(SinkError::refused)
    }

    fn name(&self) -> Name {
        self.name().to_owned().into()
    }
}

impl<R: TableRow> Sink<Vec<R>> for Table {
    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        let all = self.write_all(items).await;
        let (batches, rest) = all.map_err(SinkError::refused)?;
        let mut written = Written::all();
        for (index, batch) in batches.into_iter().enumerate() {
            match batch.error {
                Some(error) if error.kind() == ErrorKind::Closed => {
                    return Err(SinkError::closed(error));
                }
                Some(error) => {
                    written.fail(index, error);
                    continue;
                }
                None => {}
            }
            for (part, error) in batch.failed {
                written.fail_part(index, part, error);
            }
        }
        match rest {
            None => Ok(written),
            Some((away, left)) => Err(SinkError::away(away).with_written(written).with_items(left)),
        }
    }

    async fn flush(&self) -> Result<(), SinkError<Vec<R>>> {
        self.checkpoint().await.map_err(SinkError::refused)
    }

    fn name(&self) -> Name {
        self.name().to_owned().into()
    }
}
