//! Tasks that were given up on, on their way back.

use std::sync::Arc;

use super::asked::Begin;
use crate::ticket::Recorded;

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
