//! What goes wrong with batches and rows.

use std::fmt;
use std::path::PathBuf;

use pipeline_runtime::ErrorKind;

use crate::sqlite::{Sqlite, kind, refused};

/// A transaction that failed as a whole: none of its rows is written.
#[derive(Debug)]
pub struct WriteError {
    path: PathBuf,
    table: String,
    kind: ErrorKind,
    problem: String,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nothing of this batch was written to the table `{}` of {}: ",
            self.table,
            self.path.display()
        )?;
        f.write_str(&self.problem)
    }
}

impl WriteError {
    pub(super) fn new(table: &str, database: &Sqlite, error: &rusqlite::Error) -> Self {
        Self {
            path: database.path().to_path_buf(),
            table: table.to_owned(),
            kind: kind(error),
            problem: refused(error, database.busy_timeout()),
        }
    }

    /// What it says of the rows, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Its words are in the message already.
        None
    }
}

/// A row that could not be written; the others of its batch were.
#[derive(Debug)]
pub struct RowError {
    pub(super) table: String,
    pub(super) key: String,
    pub(super) problem: String,
}

impl RowError {
    /// What keeps all rows of an item from being written.
    pub(super) fn of_item(table: impl Into<String>, problem: String) -> Self {
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
