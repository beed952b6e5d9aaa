//! Tables as sinks.

mod error;
mod row;
mod sink;
mod sql;
mod stats;
mod units;
mod value;
mod write;

pub use error::{RowError, WriteError};
pub use row::{Binder, TableRow, Values};
pub use sink::{Table, TableBuilder};
pub use stats::{TableSnapshot, TableStats};
pub(crate) use units::{Claim, Claiming, Claims};
pub use value::{ToValue, Value, ValueRef};
