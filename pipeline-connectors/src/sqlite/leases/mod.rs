//! Who of several programs on one machine may: leases, and the ticks of schedules, in a SQLite file.

mod file;
mod held;
mod now;
mod schema;
mod ticks;

pub use self::file::SqliteLeasesBuilder;
pub use self::held::SqliteLeases;
pub use self::ticks::{SqliteSchedules, SqliteSchedulesBuilder};
