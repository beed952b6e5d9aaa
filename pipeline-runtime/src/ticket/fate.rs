//! What becomes of messages.

use std::time::Duration;

/// What becomes of a message. The later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it was dropped on purpose.
    Filtered,
    /// It is done with, and the queue knows.
    Settled,
    /// It is done with.
    Done,
    /// It is done with: a dead letter is written.
    Dead,
    /// Nobody has begun with it: it is to be delivered again at once, as if it had not been.
    Unbegun,
    /// It is to be delivered again after this time.
    Again(Duration),
    /// Nobody has decided about its failure.
    Undecided,
    /// Somebody else has it by now: whatever was still to be done of it is not done.
    Lost,
}

impl Fate {
    const FIRST_DELAY: u64 = 5;
    const UNDECIDED: u64 = u64::MAX - 1;
    const LOST: u64 = u64::MAX;

    /// A number that is the greater the worse it is.
    pub(super) fn code(self) -> u64 {
        match self {
            Self::Filtered => 0,
            // Less than done: a part of which the queue does not know yet is still to be told.
            Self::Settled => 1,
            Self::Done => 2,
            Self::Dead => 3,
            Self::Unbegun => 4,
            Self::Again(delay) => u64::try_from(delay.as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(Self::FIRST_DELAY)
                .min(Self::UNDECIDED - 1),
            Self::Undecided => Self::UNDECIDED,
            Self::Lost => Self::LOST,
        }
    }

    pub(super) fn of(code: u64) -> Self {
        match code {
            0 => Self::Filtered,
            1 => Self::Settled,
            2 => Self::Done,
            3 => Self::Dead,
            4 => Self::Unbegun,
            Self::UNDECIDED => Self::Undecided,
            Self::LOST => Self::Lost,
            delay => Self::Again(Duration::from_millis(delay - Self::FIRST_DELAY)),
        }
    }

    /// Whether all that was to be done is done.
    pub(crate) fn is_done(self) -> bool {
        matches!(self, Self::Filtered | Self::Done | Self::Settled)
    }

    /// Whether it is to begin anew.
    pub(super) fn is_release(self) -> bool {
        matches!(self, Self::Unbegun | Self::Again(_))
    }

    /// Whether the message will not come again.
    pub(super) fn is_final(self) -> bool {
        self.is_done() || self == Self::Dead
    }
}
