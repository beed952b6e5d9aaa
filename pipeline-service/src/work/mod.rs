//! What a process does: a pipeline that a factory makes for each run, or a task.

mod pipeline;
mod task;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::link::Joint;
use pipeline_runtime::{BoxError, Handle, Report};

pub use self::pipeline::IsProcess;
pub(crate) use self::pipeline::{by, by_async};
pub(crate) use self::task::by_task;
pub use self::task::{Outcome, Stopping};
use crate::context::Context;
use crate::noted::Broken;

/// What a process does, whatever its type.
pub struct Work<S>(pub(crate) Arc<dyn Makes<S>>);

impl<S> fmt::Debug for Work<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Work").finish()
    }
}

/// A factory.
pub(crate) trait Makes<S>: Send + Sync {
    /// What is to run. It may panic.
    fn make<'a>(&'a self, cx: &'a Context<S>) -> BoxFuture<'a, Result<Box<dyn Made>, BoxError>>;

    /// Whether it makes pipelines.
    fn is_pipeline(&self) -> bool;
}

/// What a factory has made, before it runs.
pub(crate) trait Made: Send {
    fn links(&self) -> Vec<Joint>;

    /// Starts it.
    fn spawn(self: Box<Self>) -> Arc<dyn Live>;
}

/// A run. Letting go of it aborts it.
pub(crate) trait Live: Send + Sync {
    /// For report and control, if it is a pipeline.
    fn handle(&self) -> Option<Handle>;

    /// Waits for its end.
    fn ended(self: Arc<Self>) -> BoxFuture<'static, Ended>;

    /// Takes nothing more in, and ends when it has worked off what it has, or is aborted then.
    fn drain(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended>;

    /// The same, but links are worked off until they end.
    fn finish(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended>;

    /// Stops it at once.
    fn abort(self: Arc<Self>) -> BoxFuture<'static, Ended>;
}

/// How a run went.
pub(crate) struct Ended {
    pub(crate) report: Option<Report>,
    pub(crate) result: Result<(), Broken>,
}
