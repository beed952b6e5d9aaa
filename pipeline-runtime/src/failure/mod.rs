//! What leaves a pipeline when an item, or the pipeline itself, fails.

mod brief;
mod cause;
mod chain;
mod note;
mod origin;
mod stack;
mod stop;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::measure::report::Report;
pub use crate::site::{StageId, StageInfo};
use crate::ticket::{Carry as _, Fate, Undecided};

pub(crate) use brief::{BRIEF, brief};
pub use cause::{Away, Cause};
pub use chain::BoxError;
pub use origin::{Origin, SourceError};
use stack::OneLine;
pub use stack::Stack;
pub(crate) use stack::{write_failed, write_frames};
pub use stop::{Held, Invalid, Kept, NotDrained, Stop};

/// The failure of one item, or the reason why a pipeline stopped.
///
/// It is one pointer wide, so that a `Result` with it costs no more than the item.
///
/// `Display` names the stage and the cause on one line; `{:#}` writes the [stack](Failure::stack).
///
/// `T` is the type that `push_task` saved at the bottom of the record; `()` where there is no task.
/// Nothing is asked of `T`: `Debug`, `Display` and `Error` are there for every `T`.
///
/// # Examples
///
/// An errors end that looks at the cause, and decides about the message that failed:
///
/// ```
/// # use std::time::Duration;
/// # use pipeline_runtime::{Cause, Failure, sink};
/// let errors = sink::each(|mut failure: Failure<String>| match failure.cause() {
///     Cause::Timeout(_) => failure.nack(Duration::from_secs(60)),
///     _ => {
///         println!("{failure}, of {:?}", failure.take_task());
///         failure.ack();
///     }
/// });
/// # let _ = errors;
/// ```
pub struct Failure<T = ()>(pub(crate) Box<Details<T>>);

/// What a [`Failure`] says.
pub(crate) struct Details<T> {
    pub(crate) stage: StageInfo,
    /// The number of the stage in its site, by which its group knows it.
    pub(crate) number: usize,
    pub(crate) cause: Cause,
    pub(crate) attempts: u32,
    pub(crate) frames: &'static [&'static str],
    pub(crate) origin: Option<Origin>,
    pub(crate) task: Option<T>,
    pub(crate) report: Option<Report>,
    /// Of a side line that nothing waits for.
    pub(crate) aside: bool,
    /// Whoever looks on has seen it.
    pub(crate) noted: bool,
    /// The message that the item comes from, still to be decided about.
    pub(crate) ticket: Undecided,
}

/// What it says.
impl<T> Failure<T> {
    /// The stage that failed; the source and the sink count as stages here.
    #[must_use]
    pub fn stage(&self) -> &StageInfo {
        &self.0.stage
    }

    /// Why it failed.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// How often the stage's function was called for this item; 0 where no function was called.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The keys that the item's record had when it failed, in order of writing.
    #[must_use]
    pub fn frames(&self) -> &'static [&'static str] {
        self.0.frames
    }

    /// Where the item comes from: what the source says of its own failures; the place of the line, where the task is a
    /// [`Line`](crate::source::Line); the name of the queue and the id of the message, where the item is one delivery's.
    /// `None` where nothing is known, as of a line that no `push_task` keeps.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }

    /// Whether it happened in a side line with `lossy`: it is nobody's but that line's. What was copied went on in the main
    /// line, no message has a part in it, and the pipeline goes on whatever is made of it; so the errors ends of
    /// [`queue`](crate::queue) pass over it.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.0.aside
    }

    /// The original item. `None` where it cannot be had: the source failed; the stage lies outside the task; the
    /// function owned the record (`map`, `filter_map`, `flat_map`); the sink kept it; it failed inside a segment;
    /// a timed-out `:block` call still holds it; it, or a value beside it, panicked where it was dropped; it was taken out.
    #[must_use]
    pub fn task(&self) -> Option<&T> {
        self.0.task.as_ref()
    }

    /// The same, to be changed.
    #[must_use]
    pub fn task_mut(&mut self) -> Option<&mut T> {
        self.0.task.as_mut()
    }

    /// The report of the run, where the failure is what `run`, `drain` or `abort` returned.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The frames that the task had passed, and where it failed, as
    /// `original → post → clean → FAILED at locate (timeout after 5s, attempt 3)`. `{failure:#}` writes it too.
    #[must_use]
    pub fn stack(&self) -> Stack<'_> {
        Stack {
            frames: self.0.frames,
            stage: &self.0.stage.path,
            cause: &self.0.cause,
            attempts: self.0.attempts,
        }
    }
}

/// What can be taken from it. Its delivery, if there is one, is still to be decided after `take_task` and
/// `replace_cause`; what is consumed undecided is given back after a lease.
impl<T> Failure<T> {
    /// Moves the original item out.
    #[must_use]
    pub fn take_task(&mut self) -> Option<T> {
        self.0.task.take()
    }

    /// Puts another cause in place of the one that is there, which it returns: to take an error out, or to say more of it.
    pub fn replace_cause(&mut self, cause: Cause) -> Cause {
        std::mem::replace(&mut self.0.cause, cause)
    }

    /// The cause alone.
    #[must_use]
    pub fn into_cause(self) -> Cause {
        self.0.cause
    }

    /// The original item alone.
    #[must_use]
    pub fn into_task(self) -> Option<T> {
        self.0.task
    }

    /// The report of the run alone.
    #[must_use]
    pub fn into_report(self) -> Option<Report> {
        self.0.report
    }

    /// The same failure with another type of task; what `f` returns becomes the task.
    pub fn map_task<U>(self, f: impl FnOnce(T) -> Option<U>) -> Failure<U> {
        let details = *self.0;
        Failure(Box::new(Details {
            stage: details.stage,
            number: details.number,
            cause: details.cause,
            attempts: details.attempts,
            frames: details.frames,
            origin: details.origin,
            task: details.task.and_then(f),
            report: details.report,
            aside: details.aside,
            noted: details.noted,
            ticket: details.ticket,
        }))
    }
}

/// What becomes of its delivery.
impl<T> Failure<T> {
    /// The failing delivery is done with: it is acknowledged. Without effect where the input is no queue.
    pub fn ack(self) {
        self.decide(Fate::Done);
    }

    /// The failing delivery is given back, to be delivered again after `delay`. Without effect where the input is no
    /// queue.
    ///
    /// A failure that is dropped undecided does the same after the time of a lease, so that what fails at once does
    /// not come again at once.
    pub fn nack(self, delay: Duration) {
        self.decide(Fate::Again(delay));
    }

    /// Whether it is noted for the first time: an errors end that is away is given its failures again.
    #[doc(hidden)]
    pub fn note(&mut self) -> bool {
        !std::mem::replace(&mut self.0.noted, true)
    }

    /// Whether a message is still to be decided about.
    pub(crate) fn is_of_delivery(&self) -> bool {
        self.0.ticket.ticket().is_of_delivery()
    }

    pub(crate) fn decide(self, fate: Fate) {
        self.0.ticket.decide(fate);
    }
}

/// How it is made. A pipeline makes its failures itself; these are for tests of errors ends.
impl<T> Failure<T> {
    /// A failure without an item, of no attempt.
    #[cold]
    #[must_use]
    pub fn new(stage: StageInfo, cause: Cause) -> Self {
        Self(Box::new(Details {
            stage,
            number: 0,
            cause,
            attempts: 0,
            frames: &[],
            origin: None,
            task: None,
            report: None,
            aside: false,
            noted: false,
            ticket: Undecided::null(),
        }))
    }

    /// The pipeline stopped.
    #[cold]
    pub(crate) fn stopped(stage: StageInfo, stop: Stop) -> Self {
        Self::new(stage, Cause::Stopped(stop))
    }

    /// What the source says of one item.
    #[cold]
    pub(crate) fn of_source(stage: StageInfo, error: SourceError) -> Self {
        let (error, origin, ticket) = error.into_parts();
        let mut failure = Self::new(stage, Cause::Error(error));
        failure.0.origin = origin;
        failure.0.ticket = ticket;
        failure
    }

    /// The same of an item.
    #[must_use]
    pub fn with_task(mut self, task: T) -> Self {
        self.0.task = Some(task);
        self
    }

    /// The same with a place.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = Some(origin);
        self
    }
}

impl<T> fmt::Display for Failure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Display::fmt(&self.stack(), f);
        }
        write!(f, "{}: {}", self.0.stage.path, OneLine(&self.0.cause))?;
        if self.0.attempts > 1 {
            write!(f, " (attempt {})", self.0.attempts)?;
        }
        if let Some(origin) = &self.0.origin {
            write!(f, ", at {origin}")?;
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Failure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = self.0.task.as_ref().map(|_| std::any::type_name::<T>());
        f.debug_struct("Failure")
            .field("stage", &self.0.stage)
            .field("cause", &self.0.cause)
            .field("attempts", &self.0.attempts)
            .field("frames", &self.0.frames)
            .field("origin", &self.0.origin)
            .field("task", &task)
            .finish_non_exhaustive()
    }
}

impl<T> Error for Failure<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.error()
    }
}
