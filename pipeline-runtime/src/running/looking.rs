//! What those who look on ask of a run, who know nothing of its items.

use std::sync::Arc;

use super::{Handle, Running};
use crate::budget::{Budget, Usage};
use crate::failure::{Failure, Stop};
use crate::latest::LatestFailures;
use crate::plan::Plan;
use crate::runs::Runs;

impl Handle {
    /// What was to run: as [`Pipeline::plan`](crate::Pipeline::plan), before it was started.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::of(&self.0.groups, &self.0.budgets)
    }

    /// What the budgets of its inputs are used for, in the order of [`Plan::budgets`].
    #[must_use]
    pub fn budgets(&self) -> Vec<Usage> {
        self.0.budgets.iter().map(Budget::usage).collect()
    }

    /// What fails from now on, in this pipeline and in those that are its inputs: the last 100, at most 100 in a second. They
    /// are noted on their way to the errors end, which gets them as ever. While nobody asks, nothing is noted.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn f(handle: pipeline_runtime::Handle) {
    /// let failures = handle.failures();
    /// tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    /// let failures = failures.snapshot();
    /// println!("{} in ten seconds", failures.seen);
    /// for failure in &failures.latest {
    ///     println!("{} {}", failure.place, failure.stack);
    /// }
    /// # }
    /// ```
    #[must_use = "nothing is noted once it is dropped"]
    pub fn failures(&self) -> LatestFailures {
        self.0.control.look_on()
    }

    /// Whether nothing of it runs any more. It may be a moment before who waits for its end is told.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        // Where all of it is polled by its consumer, nothing else runs.
        let polled = || self.0.groups.iter().all(|group| is_polled(group.kind));
        self.0.ended.get().is_some()
            || (self.0.started.get().is_some() && !polled() && self.0.control.is_over())
    }

    /// Stops the sources: every stage finishes in order what was taken, and then the pipeline ends. Returns at once, also
    /// while stages are blocked, and sets no deadline; [`Running::drain`] does.
    pub fn drain(&self) {
        self.0.control.drain();
    }

    /// Stops everything at once, as [`Running::abort`] does, and does not wait. A run that has ended is left as it is.
    pub fn abort(&self) {
        if self.has_ended() {
            return;
        }
        if let Some(verdict) = self.0.verdict.upgrade() {
            verdict.stopped(Failure::stopped(self.0.source.clone(), Stop::Aborted));
        }
        self.0.control.abort();
    }

    /// Whether both are of the same run.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Whether what runs so is polled by who wants items.
fn is_polled(kind: Runs) -> bool {
    matches!(kind, Runs::Source | Runs::OpenEnded | Runs::Inline)
}

impl<Task: Send + 'static> From<&Running<Task>> for Handle {
    fn from(running: &Running<Task>) -> Self {
        running.handle()
    }
}

impl From<&Handle> for Handle {
    fn from(handle: &Handle) -> Self {
        handle.clone()
    }
}
