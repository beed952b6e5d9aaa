//! An open table.

use super::columns::Column;
#[cfg(feature = "service")]
use super::fence::Fence;
use super::sql::Sql;
use crate::postgres::handle::Postgres;
use crate::table::{Columns, TableStats};

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) db: Postgres,
    pub(super) names: Columns,
    pub(super) columns: Vec<Column>,
    pub(super) sql: Sql,
    pub(super) stats: TableStats,
    /// What each transaction has to hold.
    #[cfg(feature = "service")]
    pub(super) fence: Option<Fence>,
}
