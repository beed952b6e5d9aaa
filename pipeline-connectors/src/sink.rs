//! Sinks that write to something outside. Each is a [`Sink`](pipeline_runtime::sink::Sink);
//! [`conformance::sink`](crate::conformance::sink()) has the tests that one of your own should pass.

#[cfg(feature = "sqlite")]
pub use crate::sqlite::{
    Binder, RowError, Table, TableBuilder, TableRow, TableSnapshot, TableStats, ToValue, Value,
    ValueRef, Values, WriteError,
};
