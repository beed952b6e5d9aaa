//! Why something was not done, and how the command ends then.

use std::fmt;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Failed(String),
    /// It was asked in a wrong way, or not confirmed.
    Usage(String),
    /// What it is about is not there.
    Missing(String),
    /// Who reads what is printed has gone: there is nobody to tell.
    Unread,
}

impl Failure {
    pub(crate) fn of(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Tells it, and what the command ends with.
    pub(crate) fn tell(self) -> ExitCode {
        let (code, why) = match self {
            Self::Failed(why) => (1, why),
            Self::Usage(why) => (2, why),
            Self::Missing(why) => (3, why),
            Self::Unread => return ExitCode::SUCCESS,
        };
        eprintln!("brigade: {why}");
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::of(error),
        }
    }
}
