//! Who of several programs may: leases, and the ticks of schedules, by the clock of the server.

mod asked;
mod fence;
mod held;
mod ticks;

pub use self::held::{PostgresLeases, PostgresLeasesBuilder};
pub use self::ticks::{PostgresSchedules, PostgresSchedulesBuilder};
