//! The runtime of `brigade`: stages, bounded hand-over, failures, plan and report.

mod failure;
mod opts;
mod report;
mod retry;
pub mod sink;
pub mod source;
mod step;

#[doc(hidden)]
pub mod private;

pub use failure::{BoxError, Cause, Failure, Origin, StageInfo};
pub use private::{Boxed, Driven, Outlet, Pipeline, Segment};
pub use report::Report;
pub use retry::Retry;
