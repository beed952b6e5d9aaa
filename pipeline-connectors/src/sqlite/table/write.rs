//! One transaction.

use rusqlite::types::{self, ToSqlOutput};
use rusqlite::{CachedStatement, Connection, Error, ErrorCode, Statement, Transaction};

use super::sql::Sql;
use crate::sqlite::{Sqlite, kind, refused, said, with_room};
use crate::table::{RowError, TableRow, TableSnapshot, ValueRef, WriteError, bind, miscounted};

/// What became of one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) counts: TableSnapshot,
    pub(super) failed: Vec<(usize, RowError)>,
    /// If this is there, nothing was written.
    pub(super) error: Option<WriteError>,
}

/// What became of one row.
pub(crate) enum Effect {
    Inserted,
    Updated,
    Ignored,
}

/// Why a row was not written.
pub(crate) enum Refused {
    /// The row is at fault.
    Row(String),
    /// The transaction cannot go on.
    All(Error),
}

impl Batch {
    /// Writes the rows in one transaction; those that are at fault themselves are left out.
    pub(super) fn write<R: TableRow>(
        sql: &Sql,
        database: &Sqlite,
        connection: &mut Connection,
        rows: &[R],
    ) -> Self {
        let written = with_room(connection, |connection| {
            Self::try_write(sql, connection, rows)
        });
        written.unwrap_or_else(|error| Self {
            counts: TableSnapshot {
                failed: rows.len() as u64,
                ..TableSnapshot::default()
            },
            failed: Vec::new(),
            error: Some(failed(sql, database, &error)),
        })
    }

    fn try_write<R: TableRow>(
        sql: &Sql,
        connection: &mut Connection,
        rows: &[R],
    ) -> Result<Self, Error> {
        let mut batch = Self::default();
        let transaction = sql.begin(connection)?;
        let mut statements = Statements::of(&transaction, sql)?;
        for (index, row) in rows.iter().enumerate() {
            match statements.write(row) {
                Ok(Effect::Inserted) => batch.counts.inserted += 1,
                Ok(Effect::Updated) => batch.counts.updated += 1,
                Ok(Effect::Ignored) => batch.counts.ignored += 1,
                Err(Refused::Row(problem)) if is_open(&transaction) => {
                    batch.counts.failed += 1;
                    let error = RowError::of_row(&sql.names, row, problem);
                    batch.failed.push((index, error));
                }
                // A trigger or a constraint of the table has rolled it back.
                Err(Refused::Row(problem)) => return Err(rolled_back(problem)),
                Err(Refused::All(error)) => return Err(error),
            }
        }
        drop(statements);
        transaction.commit()?;
        Ok(batch)
    }
}

/// What writes the rows of one transaction.
pub(super) struct Statements<'t> {
    insert: CachedStatement<'t>,
    update: Option<CachedStatement<'t>>,
}

impl<'t> Statements<'t> {
    pub(super) fn of(transaction: &'t Transaction<'_>, sql: &Sql) -> Result<Self, Error> {
        let update = sql.update.as_ref();
        Ok(Self {
            insert: transaction.prepare_cached(&sql.insert)?,
            update: update
                .map(|update| transaction.prepare_cached(update))
                .transpose()?,
        })
    }

    /// Inserts the row; where its key is there already, updates that one.
    pub(super) fn write(&mut self, row: &impl TableRow) -> Result<Effect, Refused> {
        if execute(row, &mut self.insert)? > 0 {
            return Ok(Effect::Inserted);
        }
        let Some(update) = &mut self.update else {
            return Ok(Effect::Ignored);
        };
        execute(row, update)?;
        Ok(Effect::Updated)
    }
}

fn execute(row: &impl TableRow, statement: &mut Statement<'_>) -> Result<usize, Refused> {
    let columns = statement.parameter_count();
    let mut count = 0;
    let mut take = |value: ValueRef<'_>| {
        count += 1;
        if count > columns {
            return Ok(());
        }
        Ok(statement.raw_bind_parameter(count, bound(value))?)
    };
    bind(row, &mut take, |error| match error.downcast::<Error>() {
        Ok(error) => Refused::from(*error),
        Err(error) => Refused::Row(error.to_string()),
    })?;
    if count != columns {
        return Err(Refused::Row(miscounted(count, columns)));
    }
    statement.raw_execute().map_err(Refused::from)
}

fn bound(value: ValueRef<'_>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        ValueRef::Null => types::ValueRef::Null,
        ValueRef::Integer(number) => types::ValueRef::Integer(number),
        ValueRef::Real(number) => types::ValueRef::Real(number),
        ValueRef::Text(text) => types::ValueRef::Text(text.as_bytes()),
        ValueRef::Blob(bytes) => types::ValueRef::Blob(bytes),
    })
}

impl Refused {
    /// As what ends the transaction.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Row(problem) => rolled_back(problem),
            Self::All(error) => error,
        }
    }
}

impl From<String> for Refused {
    fn from(problem: String) -> Self {
        Self::Row(problem)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            None
            | Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange,
            ) => Self::Row(said(&error)),
            Some(_) => Self::All(error),
        }
    }
}

fn is_open(transaction: &Transaction<'_>) -> bool {
    !transaction.is_autocommit()
}

fn rolled_back(problem: String) -> Error {
    let abort = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT);
    Error::SqliteFailure(abort, Some(problem))
}

/// Why none of the rows of a transaction is written.
pub(super) fn failed(sql: &Sql, database: &Sqlite, error: &Error) -> WriteError {
    let place = database.path().display().to_string();
    let problem = refused(error, database.busy_timeout());
    WriteError::new(&sql.names.table, place, kind(error), problem)
}
