//! A process that is a pipeline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::link::Joint;
use pipeline_runtime::{BoxError, Driven, Failure, Handle, Pipeline, Report, Running};

use super::{Ended, Live, Made, Makes};
use crate::context::Context;
use crate::noted::Broken;

/// What a factory of a process returns: a pipeline that ends in `:drive`, or a `Result` of one. It is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the process of a service",
    label = "is no driven pipeline",
    note = "a factory returns a pipeline that ends in `:drive sink`, or a `Result` of one"
)]
pub trait IsProcess: Send + 'static {
    /// What `push_task` saves in it.
    #[doc(hidden)]
    type Task: Send + 'static;

    #[doc(hidden)]
    fn pipeline(self) -> Result<Pipeline<Driven, Self::Task>, BoxError>;
}

impl<Task: Send + 'static> IsProcess for Pipeline<Driven, Task> {
    type Task = Task;

    fn pipeline(self) -> Result<Self, BoxError> {
        Ok(self)
    }
}

impl<Task: Send + 'static, E: Into<BoxError> + Send + 'static> IsProcess
    for Result<Pipeline<Driven, Task>, E>
{
    type Task = Task;

    fn pipeline(self) -> Result<Pipeline<Driven, Task>, BoxError> {
        self.map_err(Into::into)
    }
}

struct Factory<F>(F);

/// A factory that returns at once.
pub(crate) fn by<S, F, P>(factory: F) -> Arc<dyn Makes<S>>
where
    S: Send + Sync + 'static,
    F: Fn(&Context<S>) -> P + Send + Sync + 'static,
    P: IsProcess,
{
    Arc::new(Factory(factory))
}

impl<S, F, P> Makes<S> for Factory<F>
where
    S: Send + Sync + 'static,
    F: Fn(&Context<S>) -> P + Send + Sync + 'static,
    P: IsProcess,
{
    fn make<'a>(&'a self, cx: &'a Context<S>) -> BoxFuture<'a, Result<Box<dyn Made>, BoxError>> {
        Box::pin(async move { made(self.0(cx)) })
    }

    fn is_pipeline(&self) -> bool {
        true
    }
}

struct AsyncFactory<F>(F);

/// A factory that has to wait.
pub(crate) fn by_async<S, F, Fut>(factory: F) -> Arc<dyn Makes<S>>
where
    S: Send + Sync + 'static,
    F: Fn(Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IsProcess> + Send + 'static,
{
    Arc::new(AsyncFactory(factory))
}

impl<S, F, Fut> Makes<S> for AsyncFactory<F>
where
    S: Send + Sync + 'static,
    F: Fn(Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IsProcess> + Send + 'static,
{
    fn make<'a>(&'a self, cx: &'a Context<S>) -> BoxFuture<'a, Result<Box<dyn Made>, BoxError>> {
        Box::pin(async move { made(self.0(cx.clone()).await) })
    }

    fn is_pipeline(&self) -> bool {
        true
    }
}

fn made<P: IsProcess>(process: P) -> Result<Box<dyn Made>, BoxError> {
    Ok(Box::new(process.pipeline()?))
}

impl<Task: Send + 'static> Made for Pipeline<Driven, Task> {
    fn links(&self) -> Vec<Joint> {
        Pipeline::links(self)
    }

    fn spawn(self: Box<Self>) -> Arc<dyn Live> {
        Arc::new(Pipeline::spawn(*self))
    }
}

impl<Task: Send + 'static> Live for Running<Task> {
    fn handle(&self) -> Option<Handle> {
        Some(Running::handle(self))
    }

    fn ended(self: Arc<Self>) -> BoxFuture<'static, Ended> {
        Box::pin(async move { ended(Running::ended(&self).await) })
    }

    fn drain(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended> {
        Box::pin(async move { ended(Running::drain(&self, deadline).await) })
    }

    fn finish(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended> {
        Box::pin(async move { ended(self.drain_behind_links(deadline).await) })
    }

    fn abort(self: Arc<Self>) -> BoxFuture<'static, Ended> {
        Box::pin(async move {
            let report = Running::abort(&self).await;
            Ended {
                report: Some(report),
                result: Err(Broken::stuck("aborted")),
            }
        })
    }
}

fn ended<Task>(outcome: Result<Report, Failure<Task>>) -> Ended {
    match outcome {
        Ok(report) => Ended {
            report: Some(report),
            result: Ok(()),
        },
        Err(failure) => {
            let broken = Broken::of(&failure);
            Ended {
                report: failure.into_report(),
                result: Err(broken),
            }
        }
    }
}
