//! The runtime of `brigade`: stages, bounded hand-over, failures, plan and report.

mod backoff;
mod bounds;
mod budget;
mod errors;
mod failure;
mod feedback;
mod find;
mod flow;
mod graph;
#[doc(hidden)]
pub mod guard;
pub mod journal;
mod latest;
mod line;
pub mod link;
mod measure;
mod name;
mod named;
mod pipeline;
mod place;
mod placed;
mod plan;
pub mod queue;
mod rate;
mod retry;
mod run;
mod running;
mod runs;
mod segment;
pub mod sink;
mod site;
pub mod source;
mod stage;
mod step;
mod tail;
mod ticket;
#[cfg(test)]
mod watched;

#[doc(hidden)]
pub mod private;

pub use budget::{Budget, Usage};
pub use failure::{
    Away, BoxError, Cause, Failure, Held, Invalid, Kept, NotDrained, Origin, Stack, StageId,
    StageInfo, Stop,
};
pub use feedback::{Again, Feedback, feedback};
pub use find::FindStageError;
pub use graph::StateBound;
pub use latest::{FailureNote, FailuresSnapshot, LatestFailures};
pub use link::link;
pub use measure::advice::{Advice, Limit, Raise, Remedy};
pub use measure::report::Report;
pub use measure::row::{Arrow, Row};
pub use measure::time::{Shares, Time};
pub use name::Name;
pub use pipeline::{Collect, Driven, Pipeline, PipelineStream, Run};
pub use place::ErrorKind;
pub use plan::{Plan, PlanArrow, PlanRow};
pub use rate::{Rate, SetRateError};
pub use retry::Retry;
pub use running::{Handle, Running, SetCountError};
pub use runs::Runs;
pub use segment::Segment;
