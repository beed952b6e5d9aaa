//! An open table.

use super::columns::Column;
use super::sql::Sql;
use crate::postgres::handle::Postgres;
use crate::table::{Columns, TableStats};

pub(super) struct Inner {
    pub(super) db: Postgres,
    pub(super) names: Columns,
    pub(super) columns: Vec<Column>,
    pub(super) sql: Sql,
    pub(super) stats: TableStats,
}
