//! Tables as sinks.

#[cfg(feature = "service")]
mod fence;
mod sink;
mod sql;
mod units;
mod write;

#[cfg(feature = "service")]
pub(crate) use fence::Fence;
pub use sink::{Table, TableBuilder};
#[cfg(feature = "service")]
pub(crate) use units::same_file;
pub(crate) use units::{Claim, Claiming, Claims};
