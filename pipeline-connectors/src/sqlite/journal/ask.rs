//! What the journal asks its thread for.

use pipeline_runtime::journal::{
    Begin, Begun, Finish, Frame, JournalError, Restore, Restored, TaskName,
};
use tokio::sync::oneshot;

pub(super) type Answer<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the thread is asked for, and where its answer goes.
pub(super) enum Ask {
    Begin(Vec<Begin>, Answer<Vec<Begun>>),
    Record(Vec<Frame>, Answer<Vec<usize>>),
    Restore(Vec<Restore>, Answer<Vec<Restored>>),
    Finish(Vec<Finish>, Answer<()>),
    Forget(TaskName, String, Answer<bool>),
}

/// What a transaction has done for one that asked.
pub(super) enum Done {
    Begun(Vec<Begun>),
    Recorded(Vec<usize>),
    Restored(Vec<Restored>),
    Finished,
    Forgotten(bool),
}

impl Ask {
    /// Whether who asked may rely on it after a power failure. That a task has begun is over with the machine that it has
    /// begun on; one that is finished may come again.
    pub(super) fn is_durable(&self) -> bool {
        match self {
            Self::Record(..) | Self::Restore(..) | Self::Forget(..) => true,
            Self::Begin(..) | Self::Finish(..) => false,
        }
    }

    /// Tells who waits, who may have gone.
    pub(super) fn answer(self, done: Done) {
        match (self, done) {
            (Self::Begin(_, answer), Done::Begun(begun)) => drop(answer.send(Ok(begun))),
            (Self::Record(_, answer), Done::Recorded(fenced)) => drop(answer.send(Ok(fenced))),
            (Self::Restore(_, answer), Done::Restored(known)) => drop(answer.send(Ok(known))),
            (Self::Finish(_, answer), Done::Finished) => drop(answer.send(Ok(()))),
            (Self::Forget(_, _, answer), Done::Forgotten(was)) => drop(answer.send(Ok(was))),
            _ => unreachable!("each is answered with what was done for it"),
        }
    }

    /// Tells who waits why nothing was done.
    pub(super) fn refuse(self, error: JournalError) {
        match self {
            Self::Begin(_, answer) => drop(answer.send(Err(error))),
            Self::Record(_, answer) => drop(answer.send(Err(error))),
            Self::Restore(_, answer) => drop(answer.send(Err(error))),
            Self::Finish(_, answer) => drop(answer.send(Err(error))),
            Self::Forget(_, _, answer) => drop(answer.send(Err(error))),
        }
    }
}
