//! Why a pipeline stopped as a whole.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::chain::{BoxError, Chain};
use crate::guard::{self, Shown};

/// Why a pipeline stopped as a whole.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::{Cause, Stop};
/// fn may_be_tried_again(cause: &Cause) -> bool {
///     match cause {
///         Cause::Stopped(Stop::Aborted | Stop::NotDrained(_)) => true,
///         Cause::Stopped(Stop::Invalid(invalid)) => panic!("mend the program: {invalid}"),
///         _ => false,
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// Somebody called `abort`.
    Aborted,
    /// It was not drained within the deadline.
    NotDrained(NotDrained),
    /// The sink takes nothing more: this is what it said.
    Sink(BoxError),
    /// The sink could not be flushed: this is what it said.
    Flush(BoxError),
    /// The errors end takes nothing more, or not this failure: says both, and has for its source what the errors end
    /// said.
    ErrorsEnd(BoxError),
    /// The source cannot go on: this is what it said. What it had emitted was processed.
    Source(BoxError),
    /// A number that the program has computed makes no sense; nothing was started.
    Invalid(Invalid),
    /// A worker of this stage ended by no way that is known.
    Worker {
        /// The stage.
        stage: Arc<str>,
    },
    /// A thread cannot be had.
    NoThread {
        /// For this stage.
        stage: Arc<str>,
        /// What the system said.
        error: io::Error,
    },
    /// The tokio runtime has no timer, and this pipeline needs it; nothing was started.
    NoTimer {
        /// What needs it, as "a `retry`".
        what: &'static str,
    },
    /// The failure itself went to the first who asked for the end of the run; this is what it said.
    Told(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("aborted"),
            Self::NotDrained(kept) => kept.fmt(f),
            Self::Sink(error) => {
                write!(f, "the sink takes nothing more: {}", Shown(error))
            }
            Self::Flush(error) => {
                write!(f, "the sink could not be flushed: {}", Shown(error))
            }
            Self::ErrorsEnd(error) => Shown(error).fmt(f),
            Self::Source(error) => {
                write!(f, "the source cannot go on: {}", Chain(&**error))
            }
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Worker { stage } => write!(f, "a worker of stage `{stage}` died"),
            Self::NoThread { stage, error } => {
                write!(
                    f,
                    "cannot start a thread for stage `{stage}`: {error}; lower its count, or use `:async` or `pool`"
                )
            }
            Self::NoTimer { what } => write!(
                f,
                "it has {what}, and the tokio runtime has no timer; build that with `enable_time` or `enable_all`"
            ),
            Self::Told(said) => f.write_str(said),
        }
    }
}

impl Error for Stop {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Sink(error) | Self::Flush(error) | Self::Source(error) => Some(&**error),
            Self::ErrorsEnd(error) => guard::source(&**error),
            Self::NoThread { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// A number of a stage that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(Box<Number>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Number {
    stage: Box<str>,
    option: &'static str,
    has: String,
    rule: &'static str,
}

impl Invalid {
    /// The stage `has` "a count of 0", where `rule` is "a count is at least 1".
    pub(crate) fn new(
        stage: &str,
        option: &'static str,
        has: impl Into<String>,
        rule: &'static str,
    ) -> Self {
        Self(Box::new(Number {
            stage: stage.into(),
            option,
            has: has.into(),
            rule,
        }))
    }

    /// The name of the stage.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.0.stage
    }

    /// What the number is for: `count`, `buffer`, `window` or `batch`; `sink` for a sink that cannot stand there.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.0.option
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Number {
            stage, has, rule, ..
        } = &*self.0;
        write!(f, "stage `{stage}` has {has}; {rule}")
    }
}

/// A pipeline that was not drained within its deadline, and what it kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDrained(Box<Undrained>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Undrained {
    deadline: Duration,
    kept: Vec<Kept>,
}

/// Who had not finished at the deadline of a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// The name of the source, the stage or the sink.
    pub name: String,
    /// How many items it had, which were neither done nor filtered nor failed.
    pub items: u64,
    /// Where it had them.
    pub held: Held,
}

/// Where items were at the deadline of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// The stage had taken them: it worked on them, or kept them until they could be emitted in order.
    Inside,
    /// They waited for the stage.
    InFront,
    /// There were none: the source had not returned from a call.
    InCall,
}

impl Kept {
    pub(crate) fn new(name: &str, items: u64, held: Held) -> Self {
        Self {
            name: name.to_owned(),
            items,
            held,
        }
    }
}

impl NotDrained {
    pub(crate) fn new(deadline: Duration, kept: Vec<Kept>) -> Self {
        Self(Box::new(Undrained { deadline, kept }))
    }

    /// How long the pipeline had.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// Who had not finished, in the order of the pipeline.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        &self.0.kept
    }
}

impl fmt::Display for NotDrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not drained within {:?}: ", self.deadline())?;
        if self.kept().is_empty() {
            return f.write_str("no stage kept an item");
        }
        for (place, Kept { name, items, held }) in self.kept().iter().enumerate() {
            let between = if place == 0 { "" } else { ", " };
            f.write_str(between)?;
            let s = if *items == 1 { "" } else { "s" };
            match held {
                Held::Inside => write!(f, "`{name}` kept {items} item{s}")?,
                Held::InFront => write!(f, "{items} item{s} waited for `{name}`")?,
                Held::InCall => write!(f, "`{name}` had not returned from a call")?,
            }
        }
        Ok(())
    }
}
