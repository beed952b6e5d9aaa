//! Letters on their way back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pipeline_runtime::journal::{Forget, Journal, Restored};
use pipeline_runtime::queue::{DeadLetter, Queue, QueueError};

use super::done::Replayed;
use super::error::ReplayError;
use super::none::NoJournal;
use super::only::Only;
use super::store::LetterStore;

/// How many letters are moved at once.
const BATCH: usize = 100;

/// What `replay` of a store of letters makes: which of them are sent back, and how. By default all of them, at once.
#[derive(Debug)]
#[must_use = "nothing is sent before it is run"]
pub struct Replay<'a, S, Q, J = NoJournal> {
    letters: &'a S,
    queue: &'a Q,
    journal: Option<&'a J>,
    only: Only,
    older_than: Option<Duration>,
    limit: usize,
    delay: Duration,
    without: Vec<String>,
    until: Option<String>,
}

impl<'a, S: LetterStore, Q: Queue> Replay<'a, S, Q> {
    /// All letters of a store, to a queue.
    pub(crate) fn of(letters: &'a S, queue: &'a Q) -> Self {
        Self {
            letters,
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

impl<'a, S: LetterStore, Q: Queue, J: Journal> Replay<'a, S, Q, J> {
    /// The journal of the pipeline, which is given back what the letters know of their tasks.
    pub fn journal<K: Journal>(self, journal: &'a K) -> Replay<'a, S, Q, K> {
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
            self.only.until = Some(until.unwrap_or(SystemTime::UNIX_EPOCH));
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

    /// The queue lies beside the letters. How many are sent.
    async fn together(
        &self,
        queue: &str,
        open: Vec<(i64, DeadLetter)>,
        done: Vec<i64>,
        replayed: &mut Replayed,
    ) -> Result<usize, ReplayError> {
        let (mut messages, mut count) = (Vec::with_capacity(open.len()), open.len());
        for (number, letter) in &open {
            let message = letter.message::<Vec<u8>>().map_err(QueueError::refused);
            messages.push((
                *number,
                message.map_err(ReplayError::Queue)?.delay(self.delay),
            ));
        }
        let moved = self.letters.send(queue, messages, done);
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
        self.letters.take_out(moved).await?;
        Ok(count)
    }
}
