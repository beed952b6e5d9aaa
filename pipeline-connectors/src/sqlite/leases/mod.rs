//! Who of several programs on one machine may: leases, and the ticks of schedules, in a SQLite file.

mod fence;
mod file;
mod held;
mod now;
mod schema;
mod ticks;

pub use self::held::{SqliteLeases, SqliteLeasesBuilder};
pub use self::ticks::{SqliteSchedules, SqliteSchedulesBuilder};
