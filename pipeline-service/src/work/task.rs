//! A process that is a task: a server, say.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::link::Joint;
use pipeline_runtime::{BoxError, Handle};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Ended, Live, Made, Makes};
use crate::context::Context;
use crate::noted::Broken;

/// Tells a task that its process is to end.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until the task is to end: because its service stops, or it is drained or restarted.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn requested(&mut self) {
        // Whoever would tell it is gone: then it ends, too.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }

    /// Whether the task is to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// What a task may return: nothing, or a `Result` whose error fails its run.
pub trait Outcome: Send + 'static {
    /// As an error of any type.
    fn outcome(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError> + Send + 'static> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

struct Factory<F>(F);

/// A task for each run.
pub(crate) fn by_task<S, F, Fut>(task: F) -> Arc<dyn Makes<S>>
where
    S: Send + Sync + 'static,
    F: Fn(Context<S>, Stopping) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome> + Send + 'static,
{
    Arc::new(Factory(task))
}

impl<S, F, Fut> Makes<S> for Factory<F>
where
    S: Send + Sync + 'static,
    F: Fn(Context<S>, Stopping) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome> + Send + 'static,
{
    fn make<'a>(&'a self, cx: &'a Context<S>) -> BoxFuture<'a, Result<Box<dyn Made>, BoxError>> {
        Box::pin(async move {
            let stop = watch::Sender::new(false);
            let task = self.0(cx.clone(), Stopping(stop.subscribe()));
            let task: BoxFuture<'static, Result<(), BoxError>> =
                Box::pin(async move { task.await.outcome() });
            Ok(Box::new(Unstarted { task, stop }) as Box<dyn Made>)
        })
    }

    fn is_pipeline(&self) -> bool {
        false
    }
}

struct Unstarted {
    task: BoxFuture<'static, Result<(), BoxError>>,
    stop: watch::Sender<bool>,
}

impl Made for Unstarted {
    fn links(&self) -> Vec<Joint> {
        Vec::new()
    }

    fn spawn(self: Box<Self>) -> Arc<dyn Live> {
        let Self { task, stop } = *self;
        let (done, end) = watch::channel(None);
        let task = tokio::spawn(async move {
            let outcome = pipeline_runtime::guard::run(task).await;
            let outcome = match outcome {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(Broken::error(&*error)),
                Err(panicked) => Err(Broken::error(&panicked)),
            };
            done.send_replace(Some(outcome));
        });
        Arc::new(Task {
            abort: task.abort_handle(),
            stop,
            end,
        })
    }
}

/// A task that runs.
struct Task {
    abort: AbortHandle,
    stop: watch::Sender<bool>,
    end: watch::Receiver<Option<Result<(), Broken>>>,
}

impl Task {
    async fn outcome(&self) -> Ended {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        let result = match ended.as_deref() {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(broken))) => Err(broken.clone()),
            Ok(None) | Err(_) => Err(Broken::stuck("the task was aborted")),
        };
        Ended {
            report: None,
            result,
        }
    }
}

impl Live for Task {
    fn handle(&self) -> Option<Handle> {
        None
    }

    fn ended(self: Arc<Self>) -> BoxFuture<'static, Ended> {
        Box::pin(async move { self.outcome().await })
    }

    fn drain(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended> {
        self.stop.send_replace(true);
        Box::pin(async move {
            if let Ok(ended) = tokio::time::timeout(deadline, self.outcome()).await {
                return ended;
            }
            self.abort.abort();
            Ended {
                report: None,
                result: Err(Broken::stuck(format!(
                    "its task did not return within {deadline:?}"
                ))),
            }
        })
    }

    fn finish(self: Arc<Self>, deadline: Duration) -> BoxFuture<'static, Ended> {
        self.drain(deadline)
    }

    fn abort(self: Arc<Self>) -> BoxFuture<'static, Ended> {
        self.abort.abort();
        Box::pin(async move {
            let Ended { report, .. } = self.outcome().await;
            Ended {
                report,
                result: Err(Broken::stuck("aborted")),
            }
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
