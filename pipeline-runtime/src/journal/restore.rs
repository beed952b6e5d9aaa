//! Tasks that were given up on, on their way back.

use std::sync::Arc;

use super::{Begin, Begun, Frame, Journal, JournalError, Recorded};

/// A task that is to be worked on again for a message that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The task, and the message.
    pub begin: Begin,
    /// What is recorded of it, where the journal does not know it any more.
    pub frames: Vec<Recorded>,
    /// What is not to stay recorded.
    pub forget: Forget,
}

/// Keys of which nothing is to stay recorded: their stages make them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// These.
    Keys(Vec<Arc<str>>),
    /// All but these.
    AllBut(Vec<Arc<str>>),
}

impl Forget {
    /// All stays.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Keys(Vec::new())
    }

    /// Whether the value of this key is forgotten.
    #[must_use]
    pub fn forgets(&self, key: &str) -> bool {
        let among = |keys: &[Arc<str>]| keys.iter().any(|known| **known == *key);
        match self {
            Self::Keys(keys) => among(keys),
            Self::AllBut(keys) => !among(keys),
        }
    }
}

/// What is known of a task that was to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It can be worked on for the message; or is, or was, so that this has changed nothing.
    Open,
    /// It is done for that very message: there is nothing to send.
    Done,
}

/// For journals that cannot do it at once: it takes the task from who may work on it.
pub(super) async fn by_beginning<J: Journal + ?Sized>(
    journal: &J,
    tasks: Vec<Restore>,
) -> Result<Vec<Restored>, JournalError> {
    if tasks.iter().any(|task| task.forget != Forget::nothing()) {
        return Err(JournalError::refused(
            "this journal forgets no single value; implement `Journal::restore`",
        ));
    }
    let begins = tasks.iter().map(|task| task.begin.clone()).collect();
    let begun = journal.begin(begins).await?;
    let (mut missing, mut restored) = (Vec::new(), Vec::with_capacity(tasks.len()));
    for (Restore { begin, frames, .. }, begun) in tasks.into_iter().zip(begun) {
        let Begun::Open {
            epoch,
            frames: known,
        } = begun
        else {
            restored.push(Restored::Done);
            continue;
        };
        restored.push(Restored::Open);
        let is_known = |frame: &Recorded| known.iter().any(|known| known.key == frame.key);
        let frames = frames.into_iter().filter(|frame| !is_known(frame));
        missing.extend(frames.map(|Recorded { key, value }| Frame {
            task: begin.task.clone(),
            epoch,
            key,
            value,
        }));
    }
    if !missing.is_empty() {
        // One that is fenced has begun again, and knows what there was.
        journal.record(missing).await?;
    }
    Ok(restored)
}
