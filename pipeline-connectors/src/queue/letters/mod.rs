//! Where dead letters are kept.

#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
mod target;

#[cfg(feature = "sqlite")]
pub use sqlite::{LettersError, SqliteDeadLetters};
pub use target::{DeadLetterQueue, dead_letter_queue};
