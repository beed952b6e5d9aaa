//! What goes wrong with files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipeline_runtime::ErrorKind;
use rusqlite::ErrorCode;

use super::descriptors::no_descriptors;
use super::room::is_full;
use crate::descriptors::{ADVICE, ran_out};

/// A database or a table that could not be opened.
#[derive(Debug)]
#[non_exhaustive]
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
    /// There is no such file, where none is made.
    NoFile,
    /// The path is empty, as that of a variable that is not set. SQLite would keep all in a file that is gone when it
    /// is closed.
    EmptyPath,
    /// SQLite takes the path for something else than a file: for a URI (`file:…`), or for a database in memory (`:memory:`),
    /// where there must be a file.
    NoFileName,
    /// The file is something else, or damaged.
    NotADatabase,
    /// Another program held it locked for this long: the busy timeout, or somewhat longer.
    Locked(Duration),
    /// It may not be written.
    ReadOnly,
    /// There is no room on the disk.
    DiskFull,
    /// The process, or the machine, has as many files open as it may.
    NoDescriptors,
    /// The thread that would work on it could not be had; in the words of the system.
    NoThread(String),
    /// A table does not fit its description; in SQLite's words or ours.
    Table {
        /// The table.
        table: String,
        /// What does not fit.
        problem: String,
    },
    /// A table is not where what is settled with its rows is.
    Elsewhere {
        /// The table.
        table: String,
        /// Where it is not.
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
    /// A file that was refused, with what its path tells.
    pub(crate) fn of_file(path: &Path, kind: OpenErrorKind) -> Self {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let kind = match kind {
            OpenErrorKind::Other(_) if path.is_dir() => OpenErrorKind::Directory,
            OpenErrorKind::Other(_) if parent.is_some_and(|parent| !parent.is_dir()) => {
                OpenErrorKind::NoDirectory
            }
            kind => kind,
        };
        let path = path.to_path_buf();
        Self { path, kind }
    }

    /// A thread that could not be started.
    pub(crate) fn of_thread(path: &Path, error: &std::io::Error) -> Self {
        let kind = if ran_out(error) {
            OpenErrorKind::NoDescriptors
        } else {
            OpenErrorKind::NoThread(error.to_string())
        };
        let path = path.to_path_buf();
        Self { path, kind }
    }
}

impl OpenErrorKind {
    /// To be called before anything is closed, or whether there were too few descriptors does not show any longer.
    pub(super) fn of(error: &rusqlite::Error, waited: Duration) -> Self {
        match error.sqlite_error_code() {
            _ if is_full(error) => Self::DiskFull,
            Some(ErrorCode::CannotOpen) if no_descriptors() => Self::NoDescriptors,
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
            OpenErrorKind::Elsewhere { table, problem } => write!(
                f,
                "cannot settle with the table `{table}` of {path}: {problem}; open both from one `Sqlite`"
            ),
            kind => write!(f, "cannot open the database {path}: {kind}"),
        }
    }
}

impl fmt::Display for OpenErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory => f.write_str("its directory does not exist; make it first"),
            Self::NoFile => f.write_str(
                "there is no such file; name the one that the program with the queues has made",
            ),
            Self::Directory => f.write_str("this is a directory; name a file"),
            Self::EmptyPath => f.write_str(
                "the path is empty; name a file, or set the variable that the path comes from",
            ),
            Self::NoFileName => f.write_str(
                "SQLite takes this for a database in memory or for a URI; name a file, with `./` in front if it is one",
            ),
            Self::NotADatabase => {
                f.write_str("the file is not a database, or is damaged; choose another path")
            }
            Self::Locked(waited) => f.write_str(&locked(*waited)),
            Self::ReadOnly => f.write_str(
                "it may not be written; change the permissions of the file and its directory",
            ),
            Self::DiskFull => f.write_str(DISK_FULL),
            Self::NoDescriptors => f.write_str(ADVICE),
            Self::NoThread(said) => write!(
                f,
                "there is no thread for it: {said}; run fewer threads, or raise their limit"
            ),
            Self::Table { table, problem } | Self::Elsewhere { table, problem } => {
                write!(f, "table `{table}`: {problem}")
            }
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
        _ if is_full(error) => DISK_FULL.to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked(waited),
        Some(ErrorCode::CannotOpen) if no_descriptors() => ADVICE.to_owned(),
        _ => said(error),
    }
}

const DISK_FULL: &str = "the disk is full; make room";

fn locked(waited: Duration) -> String {
    // Rounded down: so long it was at least.
    let waited = match waited.as_millis().try_into() {
        Ok(millis) => Duration::from_millis(millis),
        Err(_) => waited,
    };
    format!(
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

#[cfg(test)]
mod tests {
    use rusqlite::{Error, ffi};

    use super::*;

    /// A code and all that SQLite could make of it to say more.
    fn errors(code: i32) -> impl Iterator<Item = Error> {
        let extended = (0..64).map(move |more| code | (more << 8));
        extended.map(|code| Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn whatever_more_is_said_of_them_what_passes_is_away_and_what_does_not_is_closed() {
        let away = [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_FULL,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_PROTOCOL,
        ];
        let closed = [
            ffi::SQLITE_PERM,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ];
        for (codes, expected) in [(&away[..], ErrorKind::Away), (&closed, ErrorKind::Closed)] {
            for error in codes.iter().flat_map(|code| errors(*code)) {
                assert_eq!(kind(&error), expected, "{error}");
            }
        }
    }

    #[test]
    fn a_disk_without_room_for_a_file_its_log_or_the_index_of_that_is_told_as_full() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            let error = Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(refused(&error, Duration::ZERO), DISK_FULL);
            let opened = OpenErrorKind::of(&error, Duration::ZERO);
            assert_eq!(opened, OpenErrorKind::DiskFull);
        }
    }
}
