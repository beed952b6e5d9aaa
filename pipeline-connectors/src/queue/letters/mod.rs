//! Where dead letters are kept.

#[cfg(feature = "sqlite")]
mod replay;
#[cfg(feature = "sqlite")]
mod rows;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
mod select;
#[cfg(feature = "sqlite")]
mod sqlite;
mod target;

#[cfg(feature = "sqlite")]
pub use replay::{NoJournal, Replay, ReplayError, Replayed, Unsent};
#[cfg(feature = "sqlite")]
pub use sqlite::{LettersError, SqliteDeadLetters};
pub use target::{DeadLetterQueue, dead_letter_queue};
