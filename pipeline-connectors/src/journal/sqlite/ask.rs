//! What the journal asks its thread for.

use std::sync::Arc;

use pipeline_runtime::journal::{Frame, JournalError, Recorded};
use tokio::sync::oneshot;

pub(super) type Answer<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the thread is asked for, and where its answer goes.
pub(super) enum Ask {
    Load(Vec<Arc<str>>, Answer<Vec<Vec<Recorded>>>),
    Record(Vec<Frame>, Answer<()>),
    Finish(Vec<Arc<str>>, Answer<()>),
}

impl Ask {
    /// Tells who waits what became of the transaction.
    pub(super) fn answer(self, outcome: &Result<(), String>) {
        let outcome = outcome.clone().map_err(JournalError::new);
        match self {
            Self::Load(..) => {}
            Self::Record(_, answer) | Self::Finish(_, answer) => drop(answer.send(outcome)),
        }
    }
}
