//! Rows as a source: a table by its key, by any number of readers of one snapshot, or what a query returns.

mod begin;
mod build;
mod cell;
mod cells;
mod cursor;
mod error;
mod fields;
mod form;
mod open;
mod page;
mod pages;
mod parts;
mod plan;
mod reading;
mod source;
mod stats;
mod table;

pub use build::PostgresRowsBuilder;
pub use error::RowsError;
pub use parts::RowsPosition;
pub use source::PostgresRows;
pub use stats::{RowsSnapshot, RowsStats};
