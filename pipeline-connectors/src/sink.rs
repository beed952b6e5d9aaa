//! Sinks that write to something outside. Each is a [`Sink`](pipeline_runtime::sink::Sink);
//! [`conformance::sink`](crate::conformance::sink()) has the tests that one of your own should pass.

#[cfg(feature = "elasticsearch")]
pub use crate::elasticsearch::{
    BulkError, BulkSnapshot, BulkStats, DocumentError, Elasticsearch, ElasticsearchBuilder,
    ElasticsearchError, elasticsearch,
};
#[cfg(feature = "postgres")]
pub use crate::postgres::{PostgresTable, PostgresTableBuilder};
#[cfg(feature = "sqlite")]
pub use crate::sqlite::{Table, TableBuilder};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use crate::table::{
    Binder, RowError, TableRow, TableSnapshot, TableStats, ToValue, Value, ValueRef, Values,
    WriteError,
};
