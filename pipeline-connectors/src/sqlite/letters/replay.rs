//! Letters on their way back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pipeline_runtime::ErrorKind;
use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Finish, Forget, Frame, Journal, JournalError, Restored,
};
use pipeline_runtime::queue::{DeadLetter, Queue, QueueError};

use super::rows::{millis, remove_numbered};
use super::select::Only;
use super::store::{LettersError, SqliteLetters};
use crate::sqlite::queue::join;

/// How many letters are moved at once.
const BATCH: usize = 100;

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
    pub fn replay<'a, Q: Queue>(&'a self, queue: &'a Q) -> Replay<'a, Q> {
        Replay {
            letters: self,
            queue,
            journal: None,
            only: Only::default(),
            older_than: None,
            limit: usize::MAX,
            delay: Duration::ZERO,
            without: Vec::new(),
            until: None,
        }
    }
}

/// What [`SqliteLetters::replay`] makes: which letters are sent back, and how. By default all of them, at once.
#[derive(Debug)]
#[must_use = "nothing is sent before it is run"]
pub struct Replay<'a, Q, J = NoJournal> {
    letters: &'a SqliteLetters,
    queue: &'a Q,
    journal: Option<&'a J>,
    only: Only,
    older_than: Option<Duration>,
    limit: usize,
    delay: Duration,
    without: Vec<String>,
    until: Option<String>,
}

impl<'a, Q: Queue, J: Journal> Replay<'a, Q, J> {
    /// The journal of the pipeline, which is given back what the letters know of their tasks.
    pub fn journal<K: Journal>(self, journal: &'a K) -> Replay<'a, Q, K> {
        Replay {
            letters: self.letters,
            queue: self.queue,
            journal: Some(journal),
            only: self.only,
            older_than: self.older_than,
            limit: self.limit,
            delay: self.delay,
            without: self.without,
            until: self.until,
        }
    }

    /// Only letters of messages with these ids.
    pub fn ids(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only.ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Only letters of messages that failed at the stage with this path, as reports and letters tell it, or at any whose
    /// path ends so: `words/lower` takes also those of `long/words/lower`, and `lower` those of both. `queue` is that of
    /// messages that were delivered too often.
    pub fn stage(mut self, path: impl Into<String>) -> Self {
        self.only.stage = Some(path.into());
        self
    }

    /// Only letters with this text in their cause.
    pub fn cause(mut self, text: impl Into<String>) -> Self {
        self.only.cause = Some(text.into());
        self
    }

    /// Only letters of messages that were given up on so long ago, by the clock of the machine.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// At most so many letters, in the order in which they were written.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// The messages are delivered no sooner than after this. A FIFO queue of SQS takes none with a delay.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// What is recorded under this key is forgotten, in the letters and in the journal, and the stage runs again: for a
    /// value that can no longer be read, or that was wrong.
    pub fn without_frame(mut self, key: impl Into<String>) -> Self {
        self.without.push(key.into());
        self
    }

    /// The same for this key and all that was recorded after it: only what the letters show before this key stays.
    pub fn until(mut self, key: impl Into<String>) -> Self {
        self.until = Some(key.into());
        self
    }

    /// Sends the letters that are there now, one hundred at a time. What the queue refuses stays here, and is told.
    ///
    /// # Errors
    ///
    /// If the letters or the journal cannot be read or written, or nothing can be sent: what was moved until then is moved,
    /// and the rest is here.
    ///
    /// # Cancel safety
    ///
    /// A part of the letters may be moved. Do it again.
    pub async fn run(mut self) -> Result<Replayed, ReplayError> {
        let newest = self.letters.newest().await?;
        if let Some(age) = self.older_than {
            let until = SystemTime::now().checked_sub(age);
            self.only.until = Some(until.map_or(-1, millis));
        }
        let (mut replayed, mut after, mut left) = (Replayed::default(), 0, self.limit);
        while left > 0 {
            let numbers = Some((after, newest));
            let only = Only {
                numbers,
                ..self.only.clone()
            };
            let letters = self.letters.select(only, left.min(BATCH)).await?;
            let Some((last, _)) = letters.last() else {
                break;
            };
            (after, left) = (*last, left - letters.len());
            // Boxed: with the futures of a queue and a journal it is deep, and lies in those of the caller.
            Box::pin(self.replay(letters, &mut replayed)).await?;
        }
        Ok(replayed)
    }

    async fn replay(
        &self,
        letters: Vec<(i64, DeadLetter)>,
        replayed: &mut Replayed,
    ) -> Result<(), ReplayError> {
        let (open, done) = self.restored(letters).await?;
        replayed.already_done += done.len();
        let place = self.queue.place();
        let queue = place
            .as_deref()
            .and_then(|place| self.letters.beside(place));
        let sent = match queue {
            Some(queue) => self.together(queue, open, done, replayed).await?,
            None => self.apart(open, done, replayed).await?,
        };
        replayed.sent += sent;
        Ok(())
    }

    /// Gives the journal back what the letters know. Those whose messages are to be sent, and the numbers of those that are
    /// done.
    async fn restored(
        &self,
        letters: Vec<(i64, DeadLetter)>,
    ) -> Result<(Vec<(i64, DeadLetter)>, Vec<i64>), ReplayError> {
        let Some(journal) = self.journal else {
            return Ok((letters, Vec::new()));
        };
        let tasks = letters
            .iter()
            .map(|(_, letter)| letter.restore(self.forgotten(letter)));
        let restored = journal.restore(tasks.collect()).await;
        let restored = restored.map_err(ReplayError::Journal)?;
        let is_done = |index: usize| restored.get(index) == Some(&Restored::Done);
        let (mut open, mut done) = (Vec::new(), Vec::new());
        for (index, (number, letter)) in letters.into_iter().enumerate() {
            if is_done(index) {
                done.push(number);
            } else {
                open.push((number, letter));
            }
        }
        Ok((open, done))
    }

    /// What is not to stay recorded of the letter's task.
    fn forgotten(&self, letter: &DeadLetter) -> Forget {
        let without = self.without.iter().map(|key| Arc::from(&**key));
        let Some(until) = &self.until else {
            return Forget::Keys(without.collect());
        };
        let keys = letter.frames.iter().map(|frame| &frame.key);
        let before = keys.take_while(|key| *key != until);
        let before = before.filter(|key| !self.without.contains(key));
        Forget::AllBut(before.map(|key| Arc::from(&**key)).collect())
    }

    /// The queue lies in the file of the letters. How many are sent.
    async fn together(
        &self,
        queue: &str,
        open: Vec<(i64, DeadLetter)>,
        done: Vec<i64>,
        replayed: &mut Replayed,
    ) -> Result<usize, ReplayError> {
        let queue = queue.to_owned();
        let (mut messages, mut count) = (Vec::with_capacity(open.len()), open.len());
        for (number, letter) in &open {
            let message = letter.message::<Vec<u8>>().map_err(QueueError::refused);
            messages.push((
                *number,
                message.map_err(ReplayError::Queue)?.delay(self.delay),
            ));
        }
        let moved = self.letters.write_with(move |transaction| {
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
        });
        for (index, problem) in moved.await? {
            count -= 1;
            replayed.leave(&open[index].1, QueueError::refused(problem));
        }
        Ok(count)
    }

    /// The queue is elsewhere. How many are sent.
    async fn apart(
        &self,
        open: Vec<(i64, DeadLetter)>,
        done: Vec<i64>,
        replayed: &mut Replayed,
    ) -> Result<usize, ReplayError> {
        let (mut messages, mut sent) = (Vec::new(), Vec::new());
        for (number, letter) in &open {
            match letter.message::<Q::Body>() {
                Ok(message) => {
                    messages.push(message.delay(self.delay));
                    sent.push((*number, letter));
                }
                Err(error) => replayed.leave(letter, QueueError::refused(error)),
            }
        }
        let unsent = self.queue.send(messages).await;
        let unsent = unsent.map_err(ReplayError::Queue)?.into_iter();
        let mut unsent: HashMap<_, _> = unsent.map(|entry| (entry.index(), entry)).collect();
        let mut moved = done;
        let before = moved.len();
        for (index, (number, letter)) in sent.into_iter().enumerate() {
            match unsent.remove(&index) {
                None => moved.push(number),
                Some(entry) => replayed.leave(letter, entry.into_error()),
            }
        }
        let count = moved.len() - before;
        let removed = self.letters.write_with(move |transaction| {
            for number in &moved {
                remove_numbered(transaction, *number)?;
            }
            Ok(())
        });
        removed.await?;
        Ok(count)
    }
}

/// What a [`Replay`] has done.
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
    fn leave(&mut self, letter: &DeadLetter, error: QueueError) {
        let id = letter.id.clone();
        self.unsent.push(Unsent { id, error });
    }
}

/// Letters could not be sent back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// They could not be read, or removed.
    #[error(transparent)]
    Letters(#[from] LettersError),
    /// Their tasks could not be restored.
    #[error("the tasks of dead letters cannot be restored: {0}")]
    Journal(#[source] JournalError),
    /// None could be sent.
    #[error("dead letters cannot be sent: {0}")]
    Queue(#[source] QueueError),
}

impl ReplayError {
    /// Whether the same may succeed later, as [`ErrorKind`] says.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Letters(error) => error.kind(),
            Self::Journal(error) => error.kind(),
            Self::Queue(error) => error.kind(),
        }
    }
}

/// Stands for the journal of a pipeline that has none.
#[derive(Debug, Clone, Copy)]
pub enum NoJournal {}

impl Journal for NoJournal {
    fn name(&self) -> Name {
        match *self {}
    }

    async fn begin(&self, _: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        match *self {}
    }

    async fn record(&self, _: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        match *self {}
    }

    async fn finish(&self, _: Vec<Finish>) -> Result<(), JournalError> {
        match *self {}
    }
}
