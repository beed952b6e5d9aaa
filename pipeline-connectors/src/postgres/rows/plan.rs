//! What is read, and how it is asked for.

use std::sync::Arc;

use pipeline_runtime::ErrorKind;

use super::error::RowsError;
use super::form::Column;
use super::parts::RowsPosition;
use super::stats::RowsStats;
use super::table::Table;
use crate::postgres::error::Failed;
use crate::postgres::handle::Postgres;

/// What is read.
pub(super) struct Plan {
    pub(super) db: Postgres,
    pub(super) name: Arc<str>,
    pub(super) columns: Vec<Column>,
    pub(super) what: What,
    /// The most bytes of a page, if it is not one row.
    pub(super) page: u64,
    pub(super) stats: RowsStats,
}

pub(super) enum What {
    Table {
        table: Table,
        readers: usize,
        position: RowsPosition,
    },
    /// A query, as it is declared.
    Query(String),
}

impl Plan {
    /// What is told of all rows.
    pub(super) fn failed(&self, failed: &Failed) -> RowsError {
        let place = self.db.place();
        // What the server refuses of a query is told here as well, and is not about one row.
        let kind = match failed.kind {
            ErrorKind::Away => ErrorKind::Away,
            _ => ErrorKind::Closed,
        };
        RowsError {
            rows: Arc::clone(&self.name),
            key: None,
            kind,
            error: format!("PostgreSQL at {place}: {}", failed.said).into(),
        }
    }

    /// What is told of one.
    pub(super) fn refused(&self, key: Option<&Arc<str>>, error: String) -> RowsError {
        RowsError {
            rows: Arc::clone(&self.name),
            key: key.cloned(),
            kind: ErrorKind::Refused,
            error: error.into(),
        }
    }
}
