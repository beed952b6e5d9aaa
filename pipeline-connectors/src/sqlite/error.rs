//! What goes wrong with databases, tables and rows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

/// A database or a table that could not be opened.
#[derive(Debug)]
pub struct OpenError {
    /// The database file.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub kind: OpenErrorKind,
}

/// Why a database or a table could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The directory it should be in is not there.
    NoDirectory,
    /// It is a directory.
    Directory,
    /// The file is something else, or damaged.
    NotADatabase,
    /// Another program held it locked for this long.
    Locked(Duration),
    /// It may not be written.
    ReadOnly,
    /// A table does not fit its description; in SQLite's words or ours.
    Table {
        /// The table.
        table: String,
        /// What does not fit.
        problem: String,
    },
    /// What it holds was made by another version of brigade.
    Version {
        /// What it is: a queue, say.
        what: &'static str,
        /// The version that is there.
        found: i64,
        /// The one that this program knows.
        known: i64,
    },
    /// It holds a queue of other bodies, `text` or `bytes`.
    Bodies(String),
    /// Something else, in SQLite's words.
    Other(String),
}

impl OpenError {
    pub(super) fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            kind: OpenErrorKind::ReadOnly,
        }
    }
}

impl OpenErrorKind {
    pub(super) fn of(error: &rusqlite::Error, waited: Duration) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::NotADatabase,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(waited),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            _ => Self::Other(said(error)),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            OpenErrorKind::Table { table, problem } => write!(
                f,
                "cannot write to the table `{table}` of {path}: {problem}; describe the table as it is, or choose another name"
            ),
            kind => write!(f, "cannot open the database {path}: {kind}"),
        }
    }
}

impl fmt::Display for OpenErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory => f.write_str("its directory does not exist; make it first"),
            Self::Directory => f.write_str("this is a directory; name a file"),
            Self::NotADatabase => {
                f.write_str("the file is not a database, or is damaged; choose another path")
            }
            Self::Locked(waited) => locked(f, *waited),
            Self::ReadOnly => f.write_str(
                "it may not be written; change the permissions of the file and its directory",
            ),
            Self::Table { table, problem } => write!(f, "table `{table}`: {problem}"),
            Self::Version { what, found, known } => write!(
                f,
                "it holds a {what} of version {found}, and this program knows version {known}; let the program that made it finish its tasks, or choose another path"
            ),
            Self::Bodies(holds) => write!(
                f,
                "the bodies of its queue are {holds}; open it with the type of those who send to it, or choose another path"
            ),
            Self::Other(said) => write!(f, "{said}; choose another path"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A transaction that failed as a whole: none of its rows is written.
#[derive(Debug)]
pub struct WriteError {
    pub(super) path: PathBuf,
    pub(super) table: String,
    pub(super) waited: Duration,
    pub(super) error: rusqlite::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nothing of this batch was written to the table `{}` of {}: ",
            self.table,
            self.path.display()
        )?;
        match self.error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked(f, self.waited),
            Some(ErrorCode::DiskFull) => f.write_str("the disk is full; make room"),
            _ => f.write_str(&said(&self.error)),
        }
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

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            key,
            problem,
        } = self;
        write!(f, "the row of table `{table}` with {key}: {problem}")
    }
}

impl std::error::Error for RowError {}

/// Why SQLite refused a transaction, for a message.
pub(crate) fn refused(error: &rusqlite::Error, waited: Duration) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
            "another program held it locked for {waited:?}; end that program, or raise `busy_timeout`"
        ),
        Some(ErrorCode::DiskFull) => "the disk is full; make room".to_owned(),
        _ => said(error),
    }
}

fn locked(f: &mut fmt::Formatter<'_>, waited: Duration) -> fmt::Result {
    write!(
        f,
        "another program held it locked for {waited:?}; end that program, or raise `busy_timeout`"
    )
}

/// SQLite's own words.
pub(crate) fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(said)) => said.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
