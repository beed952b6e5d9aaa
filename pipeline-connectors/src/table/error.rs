//! What goes wrong with batches and rows.

use std::fmt;

use pipeline_runtime::ErrorKind;

use super::{Columns, TableRow};

/// A transaction that failed as a whole: none of its rows is written.
#[derive(Debug)]
pub struct WriteError {
    table: String,
    /// The file, or where the server is.
    place: String,
    kind: ErrorKind,
    problem: String,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            place,
            problem,
            ..
        } = self;
        write!(
            f,
            "nothing of this batch was written to the table `{table}` of {place}: {problem}"
        )
    }
}

impl WriteError {
    pub(crate) fn new(
        table: &str,
        place: impl Into<String>,
        kind: ErrorKind,
        problem: String,
    ) -> Self {
        Self {
            table: table.to_owned(),
            place: place.into(),
            kind,
            problem,
        }
    }

    /// What it says of the rows, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl std::error::Error for WriteError {}

/// A row that could not be written; the others of its batch were.
#[derive(Debug)]
pub struct RowError {
    table: String,
    key: String,
    problem: String,
}

impl RowError {
    /// Of one row, which is told by its key.
    pub(crate) fn of_row(columns: &Columns, row: &impl TableRow, problem: String) -> Self {
        Self {
            table: columns.table.clone(),
            key: columns.key_of(row),
            problem,
        }
    }

    /// What keeps all rows of an item from being written.
    pub(crate) fn of_item(table: impl Into<String>, problem: String) -> Self {
        Self {
            table: table.into(),
            key: String::new(),
            problem,
        }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            key,
            problem,
        } = self;
        let with = if key.is_empty() { "" } else { " with " };
        write!(f, "the row of table `{table}`{with}{key}: {problem}")
    }
}

impl std::error::Error for RowError {}
