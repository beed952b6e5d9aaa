//! Where the letters are that are sent back.

use std::future::Future;

use pipeline_runtime::queue::{DeadLetter, Outgoing};

use super::error::LettersError;
use super::only::Only;

/// A store of dead letters whose letters can be sent back: `SqliteLetters`, `PostgresLetters`. Nobody else can implement
/// it.
pub trait LetterStore: Sync + sealed::Sealed {
    /// The number of the letter that was written last; 0 if there is none.
    #[doc(hidden)]
    fn newest(&self) -> impl Future<Output = Result<i64, LettersError>> + Send;

    /// Up to `most` of these, in the order in which they were written, each with its number.
    #[doc(hidden)]
    fn select(
        &self,
        only: Only,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(i64, DeadLetter)>, LettersError>> + Send;

    /// The name of the queue at this place, if it lies beside the letters.
    #[doc(hidden)]
    fn beside<'p>(&self, place: &'p str) -> Option<&'p str>;

    /// Sends messages to such a queue and removes their letters, and those of what is done, in one transaction. Which of the
    /// messages it did not take, by their index, and why: these letters stay.
    #[doc(hidden)]
    fn send(
        &self,
        queue: &str,
        messages: Vec<(i64, Outgoing<Vec<u8>>)>,
        done: Vec<i64>,
    ) -> impl Future<Output = Result<Vec<(usize, String)>, LettersError>> + Send;

    /// Removes the letters of these numbers, as far as they are there.
    #[doc(hidden)]
    fn take_out(&self, numbers: Vec<i64>) -> impl Future<Output = Result<(), LettersError>> + Send;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
