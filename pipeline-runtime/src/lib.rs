//! The runtime of `brigade`: stages, bounded hand-over, failures, plan and report.

mod bounds;
mod clock;
mod context;
mod control;
mod counts;
mod edge;
mod errors;
mod failure;
mod feed;
mod find;
mod graph;
#[doc(hidden)]
pub mod guard;
mod idle;
pub mod journal;
mod line;
mod mapped;
mod name;
mod named;
mod pace;
mod patience;
mod paused;
mod pipeline;
mod place;
mod plan;
mod pushing;
pub mod queue;
mod report;
mod retry;
mod running;
mod segment;
pub mod sink;
mod site;
pub mod source;
mod stage;
mod step;
mod table;
mod tail;
mod ticket;
#[cfg(test)]
mod watched;

#[doc(hidden)]
pub mod private;

pub use failure::{
    Away, BoxError, Cause, Failure, Held, Invalid, Kept, NotDrained, Origin, Stack, StageId,
    StageInfo, Stop,
};
pub use find::FindStageError;
pub use name::Name;
pub use pipeline::{Collect, Driven, Pipeline, PipelineStream, Run};
pub use place::ErrorKind;
pub use plan::{Plan, PlanArrow, PlanRow};
pub use report::{Arrow, Report, Row, Time};
pub use retry::Retry;
pub use running::{Handle, Running, SetCountError};
pub use segment::Segment;
