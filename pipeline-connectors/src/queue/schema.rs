//! Whether the tables in a file are ours.

use rusqlite::{Connection, OptionalExtension as _};

use crate::sqlite::{OpenError, OpenErrorKind, Sqlite};

/// Why a file is not used.
pub(crate) enum Refused {
    Because(OpenErrorKind),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

impl Refused {
    pub(crate) fn into_error(self, file: &Sqlite) -> OpenError {
        match self {
            Self::Failed(error) => OpenError::of_database(file, &error),
            Self::Because(kind) => OpenError {
                path: file.path().to_path_buf(),
                kind,
            },
        }
    }
}

/// Refuses tables of another version than `known`; `version` selects that of those that are there.
pub(crate) fn check_version(
    connection: &Connection,
    what: &'static str,
    version: &str,
    known: i64,
) -> Result<(), Refused> {
    let found = connection.query_row(version, [], |row| row.get(0));
    let found = found.optional()?.unwrap_or(0);
    if found == known {
        return Ok(());
    }
    Err(Refused::Because(OpenErrorKind::Version {
        what,
        found,
        known,
    }))
}
