//! Tables as sinks.

mod sink;
mod sql;
mod units;
mod write;

pub use sink::{Table, TableBuilder};
pub(crate) use units::{Claim, Claiming, Claims};
