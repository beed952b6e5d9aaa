//! One transaction.

use std::fmt::Write as _;

use pipeline_runtime::{BoxError, guard};
use rusqlite::types::{self, ToSqlOutput};
use rusqlite::{CachedStatement, Connection, Error, ErrorCode, Statement, Transaction};

use super::sql::Sql;
use super::{Binder, RowError, TableRow, TableSnapshot, ValueRef, WriteError};
use crate::sqlite::{Sqlite, begin, said, with_room};

/// How much of a text in a row's key is shown, in characters.
const SHOWN: usize = 100;

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
            error: Some(WriteError::new(&sql.table, database, &error)),
        })
    }

    fn try_write<R: TableRow>(
        sql: &Sql,
        connection: &mut Connection,
        rows: &[R],
    ) -> Result<Self, Error> {
        let mut batch = Self::default();
        let transaction = begin(connection)?;
        let mut statements = Statements::of(&transaction, sql)?;
        for (index, row) in rows.iter().enumerate() {
            match statements.write(row) {
                Ok(Effect::Inserted) => batch.counts.inserted += 1,
                Ok(Effect::Updated) => batch.counts.updated += 1,
                Ok(Effect::Ignored) => batch.counts.ignored += 1,
                Err(Refused::Row(problem)) if is_open(&transaction) => {
                    batch.counts.failed += 1;
                    batch.failed.push((index, row_error(sql, row, problem)));
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
    bind(row, &mut |value| {
        count += 1;
        if count > columns {
            return Ok(());
        }
        Ok(statement.raw_bind_parameter(count, bound(value))?)
    })?;
    if count != columns {
        return Err(Refused::Row(format!(
            "it has {count} values for {columns} columns"
        )));
    }
    statement.raw_execute().map_err(Refused::from)
}

/// Hands the row's values over; a panic of the row is an error of the row.
fn bind(
    row: &impl TableRow,
    take: &mut dyn FnMut(ValueRef<'_>) -> Result<(), BoxError>,
) -> Result<(), Refused> {
    // What it says of its values is its own code, too.
    let bound = guard::call(|| {
        let bound = row.bind(&mut Binder::new(take));
        bound.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => Refused::from(*error),
            Err(error) => Refused::Row(error.to_string()),
        })
    });
    bound.unwrap_or_else(|panicked| Err(Refused::Row(format!("its `bind` {panicked}"))))
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

/// The error of a row, with its key as far as the row tells it.
pub(crate) fn row_error(sql: &Sql, row: &impl TableRow, problem: String) -> RowError {
    let mut values = Vec::new();
    // What it hands over before it fails is what can be shown.
    let _ = bind(row, &mut |value| {
        values.push(shown(value));
        Ok(())
    });
    let mut key = String::new();
    for index in &sql.key {
        let between = if key.is_empty() { "" } else { ", " };
        let value = values.get(*index).map_or("?", String::as_str);
        let _ = write!(key, "{between}{} = {value}", sql.columns[*index]);
    }
    RowError {
        table: sql.table.clone(),
        key,
        problem,
    }
}

/// A value, as a message shows it.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{:?}…", &text[..end]),
            None => format!("{text:?}"),
        },
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
