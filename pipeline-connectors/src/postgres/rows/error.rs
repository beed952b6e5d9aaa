//! What goes wrong while rows are read.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::ErrorKind;

/// Rows that cannot be read on, or one of them that cannot be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RowsError {
    /// The table, or what the rows of a query are called.
    pub rows: Arc<str>,
    /// The key of the row that cannot be read, as PostgreSQL writes it; none of a query's, and none where no row can be read.
    pub key: Option<Arc<str>>,
    /// [`Refused`](ErrorKind::Refused) of one row: the rest goes on. Of all of them: [`Away`](ErrorKind::Away) where a
    /// connection is lost, or the server stops, and [`Closed`](ErrorKind::Closed) for what does not pass.
    pub kind: ErrorKind,
    /// What is wrong.
    pub error: Arc<str>,
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            key,
            kind,
            error,
        } = self;
        match (kind, key) {
            (ErrorKind::Refused, Some(key)) => {
                write!(
                    f,
                    "the row of `{rows}` with the key {key} cannot be read: {error}"
                )
            }
            (ErrorKind::Refused, None) => write!(f, "a row of `{rows}` cannot be read: {error}"),
            (ErrorKind::Away, _) => write!(
                f,
                "the rows of `{rows}` cannot be read on: {error}; `source::again` and a `RowsPosition` go on from here"
            ),
            _ => write!(f, "the rows of `{rows}` cannot be read: {error}"),
        }
    }
}

impl std::error::Error for RowsError {}
