//! Why an item or a pipeline failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::chain::{BoxError, Chain};
use super::stop::Stop;

/// Why an item or a pipeline failed.
///
/// `Display` says it on one line, with the sources of an error behind it; [`Cause::error`] is the error itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The function returned this error, or a sink refused the item.
    Error(BoxError),
    /// The function panicked with this message.
    Panic(String),
    /// One call took longer than the stage's `timeout`.
    Timeout(Duration),
    /// A place that the item needs was away for longer than it is waited for. Nothing is wrong with the item.
    Away(Away),
    /// A [loop](crate::feedback()) has no room: so many items, as many as may, wait to go in again. Nothing is wrong with the
    /// item.
    Full {
        /// How many may wait.
        limit: usize,
    },
    /// The pipeline stopped as a whole, for this reason.
    Stopped(Stop),
}

impl Cause {
    /// The error behind it, where there is one: the function's own, or that of the place or of what stopped the pipeline.
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Error(error) => Some(&**error),
            Self::Away(away) => away.source(),
            Self::Stopped(stop) => stop.source(),
            Self::Panic(_) | Self::Timeout(_) | Self::Full { .. } => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => Chain(&**error).fmt(f),
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Timeout(after) => write!(f, "timeout after {after:?}"),
            Self::Away(away) => away.fmt(f),
            Self::Full { limit } => write!(f, "the loop is full: {limit} items wait in it"),
            Self::Stopped(stop) => write!(f, "stopped: {stop}"),
        }
    }
}

/// A place, as a sink, a queue, a journal, a store of letters or an errors end, that could not be reached, or had no room,
/// for longer than it is waited for.
#[derive(Debug, Clone)]
pub struct Away(Box<Absence>);

#[derive(Debug, Clone)]
struct Absence {
    place: Arc<str>,
    error: Arc<BoxError>,
    waited: Duration,
}

impl Away {
    /// `place` was waited for this long, and said `error` last.
    pub fn new(place: impl Into<Arc<str>>, error: impl Into<BoxError>, waited: Duration) -> Self {
        Self(Box::new(Absence {
            place: place.into(),
            error: Arc::new(error.into()),
            waited,
        }))
    }

    /// What was away: the name of a sink, or as `journal sqlite:tasks.db`.
    #[must_use]
    pub fn place(&self) -> &Arc<str> {
        &self.0.place
    }

    /// What it said last.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &**self.0.error
    }

    /// For how long it was waited for; zero where whoever asked does not wait.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.0.waited
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is away", self.place())?;
        if !self.waited().is_zero() {
            write!(f, " for {:?}", self.waited())?;
        }
        write!(f, ": {}", Chain(self.error()))
    }
}

impl Error for Away {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_no_larger_than_four_words() {
        // It comes back, in a result, from every call of a user's function.
        assert!(size_of::<Cause>() <= 4 * size_of::<usize>());
    }

    #[test]
    fn what_a_cause_comes_from_is_reached_by_its_type() {
        let io = || std::io::Error::other("no route");
        let causes = [
            Cause::Error(io().into()),
            Cause::Away(Away::new("table", io(), Duration::from_secs(60))),
            Cause::Stopped(Stop::Sink(io().into())),
            Cause::Stopped(Stop::Source(io().into())),
            Cause::Stopped(Stop::Flush(io().into())),
            Cause::Stopped(Stop::NoThread {
                stage: "it".into(),
                error: io(),
            }),
        ];
        for cause in causes {
            assert!(
                cause.error().is_some_and(<dyn Error>::is::<std::io::Error>),
                "{cause}"
            );
        }
    }
}
