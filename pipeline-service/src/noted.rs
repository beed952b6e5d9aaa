//! What went wrong, in one place for all processes.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::{Away, Cause, Failure, Name, Stop};
use serde::Serialize;

/// Something that failed in a service, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Noted {
    /// The process.
    pub process: Name,
    /// What of it failed.
    pub what: Noticed,
    /// Which run of the process, from 0.
    pub run: u64,
    /// The [path](pipeline_runtime::StageInfo::path) of the stage; empty where it was none.
    pub stage: String,
    /// Why it failed, on one line.
    pub cause: String,
    /// How often the stage's function was called; 0 where none was called.
    pub attempts: u32,
    /// What the item had passed, and where it failed.
    pub stack: String,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Noticed {
    /// An item, or a message, which an errors end has decided about.
    Item,
    /// The run of a process.
    Run,
    /// A factory: it returned an error or panicked, and there was no run.
    Start,
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            stage,
            cause,
            ..
        } = self;
        match (self.what, stage.is_empty()) {
            (Noticed::Start, _) => write!(f, "`{process}` could not be made: {cause}"),
            (_, true) => write!(f, "`{process}`: {cause}"),
            (_, false) => write!(f, "`{process}`: {stage}: {cause}"),
        }
    }
}

/// What a failed run is to its supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) stage: String,
    pub(crate) cause: String,
    pub(crate) attempts: u32,
    pub(crate) stack: String,
    /// A place was away, which is nobody's fault.
    pub(crate) is_away: bool,
    /// It did not end when it was told to.
    pub(crate) is_stuck: bool,
}

impl Broken {
    pub(crate) fn of<T>(failure: &Failure<T>) -> Self {
        let cause = failure.cause();
        Self {
            stage: failure.stage().path.to_string(),
            cause: cause.to_string(),
            attempts: failure.attempts(),
            stack: format!("{failure:#}"),
            is_away: matches!(cause, Cause::Away(_)) || cause.error().is_some_and(comes_from_away),
            is_stuck: matches!(cause, Cause::Stopped(Stop::NotDrained(_) | Stop::Aborted)),
        }
    }

    pub(crate) fn error(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = pipeline_runtime::guard::text(&error);
        let mut source = pipeline_runtime::guard::source(error);
        while let Some(error) = source {
            let text = pipeline_runtime::guard::text(&error);
            if !cause.contains(&text) {
                cause = format!("{cause}: {text}");
            }
            source = pipeline_runtime::guard::source(error);
        }
        Self {
            is_away: comes_from_away(error),
            ..Self::saying(cause)
        }
    }

    pub(crate) fn saying(cause: impl Into<String>) -> Self {
        Self {
            stage: String::new(),
            cause: cause.into(),
            attempts: 0,
            stack: String::new(),
            is_away: false,
            is_stuck: false,
        }
    }

    pub(crate) fn stuck(cause: impl Into<String>) -> Self {
        Self {
            is_stuck: true,
            ..Self::saying(cause)
        }
    }

    pub(crate) fn noted(&self, process: Name, what: Noticed, run: u64) -> Noted {
        Noted {
            process,
            what,
            run,
            stage: self.stage.clone(),
            cause: self.cause.clone(),
            attempts: self.attempts,
            stack: self.stack.clone(),
        }
    }
}

/// Whether an error, or one behind it, is that of a place that is away.
fn comes_from_away(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let is_away = |error: &(dyn std::error::Error + 'static)| {
            error.is::<Away>()
                || error
                    .downcast_ref::<Failure<()>>()
                    .is_some_and(|failure| matches!(failure.cause(), Cause::Away(_)))
        };
        if is_away(error) {
            return true;
        }
        next = pipeline_runtime::guard::source(error);
    }
    false
}

/// Whom the failures of a service are told.
pub(crate) type OnFailure = Arc<dyn Fn(&Noted) + Send + Sync>;

/// What is done with them unless a program says otherwise.
pub(crate) fn log() -> OnFailure {
    Arc::new(|noted| {
        let Noted {
            process,
            stage,
            cause,
            attempts,
            run,
            what,
            ..
        } = noted;
        tracing::warn!(%process, %stage, %cause, attempts, run, ?what, "failed");
    })
}
