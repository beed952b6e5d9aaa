//! What tables are alike in, whatever database they are in: their description, their rows, what becomes of these.

mod description;
mod error;
mod row;
mod stats;
mod units;
mod value;

pub(crate) use description::TableBuilder;
pub(crate) use description::{Columns, Description, OnConflict, list, quoted};
pub use error::{RowError, WriteError};
pub use row::{Binder, TableRow, Values};
pub(crate) use row::{bind, miscounted};
pub use stats::{TableSnapshot, TableStats};
pub(crate) use units::{Aside, At, Batch};
pub(crate) use units::{Item, Settled, Unwritten, Writes};
pub use value::{ToValue, Value, ValueRef};
