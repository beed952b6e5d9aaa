//! What leaves a pipeline when an item, or the pipeline itself, fails.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use crate::report::Report;
pub use crate::site::StageInfo;
use crate::ticket::{Fate, Undecided};

/// A boxed error, as the cause of a failure holds it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// The failure of one item, or the reason why a pipeline stopped.
///
/// It is one pointer wide, so that a `Result` with it costs no more than the item; what it says are the fields of
/// [`Details`], read and changed as its own (`failure.stage.name`, `failure.task.take()`).
///
/// `Display` names the stage and the cause on one line; `{:#}` writes the [stack](Failure::stack).
///
/// `T` is the type that `push_task` saved at the bottom of the record; `()` where there is no task.
/// Nothing is asked of `T`: `Debug`, `Display` and `Error` are there for every `T`.
pub struct Failure<T = ()>(Box<Details<T>>);

/// What a [`Failure`] says.
#[non_exhaustive]
pub struct Details<T> {
    /// The stage that failed; the source and the sink count as stages here.
    pub stage: StageInfo,
    /// Why it failed.
    pub cause: Cause,
    /// How often the stage's function was called for this item; 0 where no function was called.
    pub attempts: u32,
    /// The keys that the item's record had when it failed, in order of writing.
    pub frames: &'static [&'static str],
    /// Where the item comes from, if the failure is the source's and the source knows it.
    pub origin: Option<Origin>,
    /// The original item. `None` where it cannot be had: the source failed; the stage lies outside the task; the
    /// function owned the record (`map`, `filter_map`, `flat_map`); the sink kept it; it failed inside a segment;
    /// a timed-out `:block` call still holds it.
    pub task: Option<T>,
    /// The report of the run, where the failure is what `run`, `drain` or `abort` returned.
    pub report: Option<Report>,
    /// The message that the item comes from, still to be decided about.
    pub(crate) ticket: Undecided,
}

/// Why an item or a pipeline failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The function returned this error.
    Error(BoxError),
    /// The function panicked with this message.
    Panic(String),
    /// One call took longer than the stage's `timeout`.
    Timeout(Duration),
    /// The pipeline stopped as a whole, for this reason.
    Stopped(String),
}

/// An error that ends a source.
#[derive(Debug)]
pub struct SourceError {
    /// What went wrong.
    pub error: BoxError,
    /// Where, if known.
    pub origin: Option<Origin>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // What went wrong itself is in the message already.
        self.error.source()
    }
}

impl SourceError {
    /// An error without a place.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self {
            error: error.into(),
            origin: None,
        }
    }

    /// The same with a place.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

/// Where an item comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Origin {
    /// A file's path or a peer's address.
    pub name: Arc<str>,
    /// The line, from 1, where the input has lines.
    pub line: Option<u64>,
    /// The offset of the first byte, from 0, in the decompressed input.
    pub offset: Option<u64>,
}

impl Origin {
    /// An origin with a name only.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            line: None,
            offset: None,
        }
    }

    /// The same with a line number, from 1, and the offset of its first byte.
    #[must_use]
    pub fn at(mut self, line: u64, offset: u64) -> Self {
        self.line = Some(line);
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (byte {offset})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write_chain(f, error.as_ref()),
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Timeout(after) => write!(f, "timeout after {after:?}"),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
        }
    }
}

/// Writes an error and its sources, each once: many an error ends with the words of its source already.
fn write_chain(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    let mut last = text_of(error)?;
    f.write_str(&last)?;
    let mut source = error.source();
    while let Some(cause) = source {
        let text = text_of(cause)?;
        if !last.ends_with(&text) {
            write!(f, ": {text}")?;
            last = text;
        }
        source = cause.source();
    }
    Ok(())
}

/// As `to_string`, but an error that cannot be written is no panic.
fn text_of(error: &dyn Error) -> Result<String, fmt::Error> {
    use fmt::Write as _;

    let mut text = String::new();
    write!(text, "{error}")?;
    Ok(text)
}

/// The frames that a task had passed when it failed; [`Failure::stack`] makes it, `Display` writes it.
pub struct Stack<'a> {
    frames: &'a [&'static str],
    stage: &'a str,
    cause: &'a Cause,
    attempts: u32,
}

impl fmt::Display for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_frames(f, self.frames)?;
        write_failed(f, self.stage, self.cause, self.attempts)
    }
}

/// Frames that were passed.
pub(crate) fn write_frames(
    f: &mut fmt::Formatter<'_>,
    frames: impl IntoIterator<Item: fmt::Display>,
) -> fmt::Result {
    frames
        .into_iter()
        .try_for_each(|frame| write!(f, "{frame} → "))
}

/// The end of a stack that has failed.
pub(crate) fn write_failed(
    f: &mut fmt::Formatter<'_>,
    stage: &str,
    cause: impl fmt::Display,
    attempts: u32,
) -> fmt::Result {
    write!(f, "FAILED at {stage} ({}", OneLine(cause))?;
    if attempts > 1 {
        write!(f, ", attempt {attempts}")?;
    }
    f.write_str(")")
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> Failure<T> {
    /// The frames that the task had passed, and where it failed, as
    /// `original → post → clean → FAILED at locate (timeout after 5s, attempt 3)`. `{failure:#}` writes it too.
    #[must_use]
    pub fn stack(&self) -> Stack<'_> {
        Stack {
            frames: self.frames,
            stage: &self.stage.name,
            cause: &self.cause,
            attempts: self.attempts,
        }
    }

    /// A failure without an item, of no attempt. A pipeline makes its failures itself; this is for tests of errors ends.
    #[cold]
    #[must_use]
    pub fn new(stage: StageInfo, cause: Cause) -> Self {
        Self(Box::new(Details {
            stage,
            cause,
            attempts: 0,
            frames: &[],
            origin: None,
            task: None,
            report: None,
            ticket: Undecided::null(),
        }))
    }

    /// The fields themselves, to move them out.
    #[must_use]
    pub fn into_details(self) -> Details<T> {
        *self.0
    }

    /// The failing delivery is done with: it is acknowledged. Without effect where the input is no queue.
    pub fn ack(self) {
        self.0.ticket.decide(Fate::Done);
    }

    /// The failing delivery is given back, to be delivered again after `delay`. Without effect where the input is no
    /// queue.
    ///
    /// A failure that is dropped undecided does the same after the time of a lease, so that what fails at once does
    /// not come again at once.
    pub fn nack(self, delay: Duration) {
        self.0.ticket.decide(Fate::Again(delay));
    }

    /// The same failure with another type of task; what `f` returns becomes the task.
    pub fn map_task<U>(self, f: impl FnOnce(T) -> Option<U>) -> Failure<U> {
        let details = *self.0;
        Failure(Box::new(Details {
            stage: details.stage,
            cause: details.cause,
            attempts: details.attempts,
            frames: details.frames,
            origin: details.origin,
            task: details.task.and_then(f),
            report: details.report,
            ticket: details.ticket,
        }))
    }
}

impl<T> Deref for Failure<T> {
    type Target = Details<T>;

    fn deref(&self) -> &Details<T> {
        &self.0
    }
}

impl<T> DerefMut for Failure<T> {
    fn deref_mut(&mut self) -> &mut Details<T> {
        &mut self.0
    }
}

impl<T> fmt::Display for Failure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Display::fmt(&self.stack(), f);
        }
        write!(f, "{}: {}", self.stage.name, OneLine(&self.cause))?;
        if self.attempts > 1 {
            write!(f, " (attempt {})", self.attempts)?;
        }
        if let Some(origin) = &self.origin {
            write!(f, ", at {origin}")?;
        }
        Ok(())
    }
}

/// Writes a value with its line breaks escaped.
struct OneLine<T>(T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        self.0.write_str("\\n")?;
                    }
                    self.0.write_str(line)?;
                }
                Ok(())
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

impl<T> fmt::Debug for Failure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("stage", &self.stage)
            .field("cause", &self.cause)
            .field("attempts", &self.attempts)
            .field("frames", &self.frames)
            .field("origin", &self.origin)
            .field(
                "task",
                &self.task.as_ref().map(|_| std::any::type_name::<T>()),
            )
            .finish_non_exhaustive()
    }
}

impl<T> Error for Failure<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Error(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
