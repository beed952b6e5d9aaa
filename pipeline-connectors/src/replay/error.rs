//! What goes wrong with dead letters.

use pipeline_runtime::ErrorKind;
use pipeline_runtime::journal::JournalError;
use pipeline_runtime::queue::QueueError;

/// Letters could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("dead letters in {place}: {problem}")]
pub struct LettersError {
    place: String,
    problem: String,
    kind: ErrorKind,
}

impl LettersError {
    pub(crate) fn new(
        place: impl Into<String>,
        kind: ErrorKind,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
            kind,
        }
    }

    /// Where they are: the path of a file, or where the database is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What it says of the letters, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// Letters could not be sent back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// They could not be read, or removed.
    #[error(transparent)]
    Letters(#[from] LettersError),
    /// Their tasks could not be restored.
    #[error("the tasks of dead letters cannot be restored: {0}")]
    Journal(#[source] JournalError),
    /// None could be sent.
    #[error("dead letters cannot be sent: {0}")]
    Queue(#[source] QueueError),
}

impl ReplayError {
    /// Whether the same may succeed later, as [`ErrorKind`] says.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Letters(error) => error.kind(),
            Self::Journal(error) => error.kind(),
            Self::Queue(error) => error.kind(),
        }
    }
}
