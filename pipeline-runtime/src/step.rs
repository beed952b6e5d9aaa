//! What goes into a group's function and what comes out of it.

use std::time::Duration;

use crate::bounds::Never;
use crate::failure::{Cause, Failure};
use crate::site::Site;

/// An item on its way into a group: new, or back from its wait.
#[derive(Debug)]
pub enum Entry<T, M> {
    /// A new item.
    Fresh(T),
    /// An item for which attempt number `.1` of the annotated stage is due; with `.2` its turn by the stage's `rate` has come.
    Again(M, u32, bool),
}

impl<T> Entry<T, Never> {
    /// The item, where there is no retry.
    #[inline]
    pub fn fresh(self) -> T {
        match self {
            Self::Fresh(item) => item,
            Self::Again(never, ..) => match never {},
        }
    }
}

/// What became of an item in a group.
#[derive(Debug)]
pub enum Step<O, M, Task> {
    /// It goes on.
    Emit(O),
    /// Stage number `.0` dropped it.
    Filtered(usize),
    /// Stage number `.0` found that it is done already.
    AlreadyDone(usize),
    /// Stage number `.0` found that it is somebody else's by now.
    Lost(usize),
    /// It failed for good.
    Failed(Failure<Task>),
    /// It waits, then attempt number `attempt` is made.
    Again {
        /// The item as it was before the annotated stage.
        item: M,
        /// The number of the attempt to come.
        attempt: u32,
        /// What it waits for.
        delay: Delay,
    },
    /// Its timeout was reported while the call still ran; the result is discarded.
    Gone,
}

/// What an item waits for before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// The time of its `retry`.
    Pause(Duration),
    /// Its turn by the stage's `rate`.
    Turn,
}

/// A cause that is no failure: how an item leaves a stage that finds that there is nothing to do for it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum Aside {
    #[error("it is done already")]
    AlreadyDone,
    #[error("it is worked on elsewhere by now")]
    Lost,
}

/// Builds the failing step: stage number `stage` of `site` failed.
#[cold]
#[must_use]
pub fn failed<O, M, Task>(
    site: &'static Site,
    stage: usize,
    attempts: u32,
    cause: Cause,
    task: Option<Task>,
) -> Step<O, M, Task> {
    if let Cause::Error(error) = &cause
        && let Some(aside) = error.downcast_ref()
    {
        return match aside {
            Aside::AlreadyDone => Step::AlreadyDone(stage),
            Aside::Lost => Step::Lost(stage),
        };
    }
    let mut failure = Failure::new(site.stage(stage), cause);
    failure.0.number = stage;
    failure.0.attempts = attempts;
    failure.0.frames = site.stages[stage].frames;
    failure.0.task = task;
    Step::Failed(failure)
}
