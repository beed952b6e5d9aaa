//! What a queue could not do: with an entry of a batch, and with all of it.

use crate::failure::BoxError;
use crate::place::{ErrorKind, place_error};

/// One entry of a batch that could not be settled or sent, while others were. Its `Display` is that of what went wrong.
#[derive(Debug)]
pub struct Unsettled {
    index: usize,
    error: QueueError,
    is_gone: bool,
}

impl Unsettled {
    /// The entry at `index`, from 0, failed with this error.
    #[must_use]
    pub fn new(index: usize, error: QueueError) -> Self {
        Self {
            index,
            error,
            is_gone: false,
        }
    }

    /// An entry for which there is no more to do: its lease is lost, or it is refused for what it is.
    pub fn refused(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::refused(error))
    }

    /// An entry whose message is not there any more. Of an acknowledgement that is as good as done: the answer to an
    /// earlier one may have been lost.
    #[must_use]
    pub fn gone(index: usize) -> Self {
        Self {
            is_gone: true,
            ..Self::refused(index, "the message is not there any more")
        }
    }

    /// An entry that may succeed when it is tried again.
    pub fn away(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::away(error))
    }

    /// An entry that fails because the queue takes nothing more.
    pub fn closed(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::closed(error))
    }

    /// The same as an entry of another batch.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = index;
        self
    }

    /// Its place in the batch, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether the same may succeed later, as [`ErrorKind`] says.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.error.is_away()
    }

    /// Whether its message is not there any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &QueueError {
        &self.error
    }

    /// What went wrong, by value.
    #[must_use]
    pub fn into_error(self) -> QueueError {
        self.error
    }
}

impl std::fmt::Display for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

place_error! {
    /// A whole batch could not be received, settled or sent. One that is away (a connection that is down, throttling, a
    /// lock) is tried again with back-off; with any other (no such queue, no permission, a file that is none) the source
    /// ends as one that cannot go on. With [`QueueError::ended`] it ends as one that has brought all.
    QueueError
}

impl QueueError {
    /// Nothing more will ever come: [`ErrorKind::Ended`]. The answer to a `receive`, of a queue that knows its end.
    #[must_use]
    pub fn ended() -> Self {
        Self::new(ErrorKind::Ended, "the queue has ended")
    }
}
