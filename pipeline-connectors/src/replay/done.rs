//! What a replay has done.

use pipeline_runtime::queue::{DeadLetter, QueueError};

/// What a [`Replay`](super::Replay) has done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// Messages that were sent, or were queued already; their letters are removed.
    pub sent: usize,
    /// Letters that were removed, since their messages had been sent before and are done.
    pub already_done: usize,
    /// What the queue did not take; these letters stay.
    pub unsent: Vec<Unsent>,
}

/// A letter that was not sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unsent {
    /// The id of its message.
    pub id: String,
    /// Why.
    pub error: QueueError,
}

impl Replayed {
    pub(super) fn leave(&mut self, letter: &DeadLetter, error: QueueError) {
        let id = letter.id.clone();
        self.unsent.push(Unsent { id, error });
    }
}
