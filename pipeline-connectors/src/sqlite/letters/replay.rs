//! Letters on their way back.

use pipeline_runtime::queue::{DeadLetter, Outgoing, Queue};

use super::rows::{newest, remove_numbered};
use super::store::SqliteLetters;
use crate::replay::{LetterStore, LettersError, Only, Replay, Sealed};
use crate::sqlite::queue::{in_file, join};

impl SqliteLetters {
    /// Sends letters back to a queue, and removes them here: to be described, and [run](Replay::run).
    ///
    /// It moves the letters that are there when it begins, each once: a message that fails again meanwhile has a new
    /// letter, which tells how often it was replayed before. Each goes back under its id, in the group that it had. With
    /// the [`journal`](Replay::journal) of the pipeline its task goes on behind what is recorded of it.
    ///
    /// Whatever it is interrupted by, do it again: a task that was restored is not taken from who works on it by now; one
    /// that is done is not sent again, as long as the journal remembers it; a message that is still queued is not stored
    /// twice, where the queue can tell. Where the queue lies in the file of the letters, a message is sent and its letter
    /// removed in one transaction, which needs neither. Without a journal, and with the queue elsewhere, a message may be
    /// sent twice if this is interrupted between sending and removing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_runtime::journal::Journal;
    /// # use std::time::Duration;
    /// use pipeline_connectors::queue::SqliteLetters;
    /// use pipeline_runtime::queue::Queue;
    ///
    /// async fn try_again(
    ///     letters: &SqliteLetters,
    ///     orders: &impl Queue,
    ///     journal: &impl Journal,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let replayed = letters
    ///         .replay(orders)
    ///         .journal(journal)
    ///         .stage("locate")
    ///         .cause("timeout")
    ///         .delay(Duration::from_secs(60))
    ///         .run()
    ///         .await?;
    ///     println!("{} messages sent", replayed.sent);
    ///     for left in replayed.unsent {
    ///         println!("{}: {}", left.id, left.error);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn replay<'a, Q: Queue>(&'a self, queue: &'a Q) -> Replay<'a, Self, Q> {
        Replay::of(self, queue)
    }
}

impl Sealed for SqliteLetters {}

impl LetterStore for SqliteLetters {
    async fn newest(&self) -> Result<i64, LettersError> {
        self.run(|connection| newest(connection)).await
    }

    async fn select(
        &self,
        only: Only,
        most: usize,
    ) -> Result<Vec<(i64, DeadLetter)>, LettersError> {
        self.find(only, most).await
    }

    fn beside<'p>(&self, place: &'p str) -> Option<&'p str> {
        in_file(place, &self.place)
    }

    async fn send(
        &self,
        queue: &str,
        messages: Vec<(i64, Outgoing<Vec<u8>>)>,
        done: Vec<i64>,
    ) -> Result<Vec<(usize, String)>, LettersError> {
        let queue = queue.to_owned();
        self.write_with(move |transaction| {
            let mut refused = Vec::new();
            for (index, (number, message)) in messages.iter().enumerate() {
                match join(transaction, &queue, message.clone())? {
                    Ok(()) => _ = remove_numbered(transaction, *number)?,
                    Err(problem) => refused.push((index, problem)),
                }
            }
            for number in &done {
                remove_numbered(transaction, *number)?;
            }
            Ok(refused)
        })
        .await
    }

    async fn take_out(&self, numbers: Vec<i64>) -> Result<(), LettersError> {
        self.write_with(move |transaction| {
            for number in &numbers {
                remove_numbered(transaction, *number)?;
            }
            Ok(())
        })
        .await
    }
}
