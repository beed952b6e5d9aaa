//! Tables as sinks.

mod build;
mod claiming;
mod claims;
mod columns;
mod encode;
#[cfg(feature = "service")]
mod fence;
mod inner;
mod load;
mod sink;
mod sql;
mod write;

pub use build::PostgresTableBuilder;
pub(super) use claiming::Claiming;
pub(super) use claims::{Claim, Claims};
#[cfg(feature = "service")]
pub(super) use fence::Fence;
pub use sink::PostgresTable;
