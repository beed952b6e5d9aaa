//! Tables as sinks.

mod build;
mod claims;
mod columns;
mod encode;
mod load;
mod sink;
mod sql;
mod write;

pub use build::PostgresTableBuilder;
pub(super) use claims::{Claim, Claiming, Claims};
pub use sink::PostgresTable;
