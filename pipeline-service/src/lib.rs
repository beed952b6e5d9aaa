//! Services: processes that are pipelines, started in order, made again when they fail, paused and resumed by name, and
//! stopped in the order of the data.
//!
//! [`Service`] says how it is used.

mod broadcast;
mod clock;
mod command;
mod context;
mod control;
mod core;
mod error;
pub mod everywhere;
mod following;
pub mod event_log {
    //! Where the events of a broadcast are kept that other programs hear, too.

    pub use crate::broadcast::{Batch, Entry, EventLog, LogError, Page};
}
mod json;
pub mod lease;
mod noted;
mod noting;
mod process;
mod restart;
mod running;
mod schedule;
mod service;
mod signals;
mod status;
mod supervisor;
#[cfg(feature = "systemd")]
mod systemd;
mod work;

pub use broadcast::{Broadcast, Events, Gap, Subscription};
pub use clock::Clock;
pub use command::ControlError;
pub use context::Context;
pub use control::Control;
pub use error::{Invalid, ServiceError};
pub use lease::Leader;
pub use noted::{Noted, Noticed};
pub use noting::Noting;
pub use process::{Process, Unset};
pub use restart::Restart;
pub use running::RunningService;
pub use schedule::{
    Claimed, Fires, IsSchedule, Known, MemorySchedules, Missed, Schedule, ScheduleError,
    ScheduleInfo, Schedules, Tick, TickCause,
};
pub use service::Service;
pub use status::{ProcessStatus, State, Status, Totals};
pub use work::{IsProcess, Outcome, Stopping, Work};
