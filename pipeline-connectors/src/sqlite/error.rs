//! What goes wrong with databases, tables and rows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipeline_runtime::ErrorKind;
use rusqlite::ErrorCode;

use super::{Database, Sqlite};

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
    pub(crate) fn of_database(sqlite: &Sqlite, error: &rusqlite::Error) -> Self {
        let path = sqlite.path().to_path_buf();
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let kind = if path.is_dir() {
            OpenErrorKind::Directory
        } else if parent.is_some_and(|parent| !parent.is_dir()) {
            OpenErrorKind::NoDirectory
        } else {
            OpenErrorKind::of(error, sqlite.waited())
        };
        Self { path, kind }
    }

    pub(super) fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            kind: OpenErrorKind::ReadOnly,
        }
    }

    /// A description that makes no sense.
    pub(crate) fn of_table(database: &Database, table: &str, problem: impl Into<String>) -> Self {
        Self {
            path: database.path().to_path_buf(),
            kind: OpenErrorKind::Table {
                table: table.to_owned(),
                problem: problem.into(),
            },
        }
    }

    /// A statement that SQLite refused.
    pub(crate) fn of_statement(database: &Database, table: &str, error: &rusqlite::Error) -> Self {
        match OpenErrorKind::of(error, database.busy_timeout()) {
            OpenErrorKind::Other(problem) => Self::of_table(database, table, problem),
            kind => Self {
                path: database.path().to_path_buf(),
                kind,
            },
        }
    }
}

impl OpenErrorKind {
    fn of(error: &rusqlite::Error, waited: Duration) -> Self {
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

impl WriteError {
    /// What it says of the rows, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        kind(&self.error)
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

/// What an error of SQLite says of the rows, and of what comes after them.
pub(crate) fn kind(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => ErrorKind::Away,
        Some(
            ErrorCode::NotADatabase
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied,
        ) => ErrorKind::Closed,
        _ => ErrorKind::Refused,
    }
}

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
