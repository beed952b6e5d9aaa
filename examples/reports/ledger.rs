//! What has happened so far, as the files tell it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};

use brigade::BoxError;

use crate::place::{Books, Ends, Place};

/// Reads along while the workers work.
pub struct Ledger<B> {
    books: B,
    calls: File,
    /// Of a line that is not yet whole.
    rest: String,
    pub history: History,
}

/// Of each `once` stage of each task, as `report 7/link`: how often it was called, and whether its value is recorded.
#[derive(Debug, Default)]
pub struct History {
    /// With its number: how many were recorded before it.
    pub recorded: HashMap<String, usize>,
    pub calls: HashMap<String, u32>,
    /// Calls for deliveries that began after the value had been recorded: there must be none. Of two deliveries of one
    /// task that are on their way at once, as of a message that was sent twice, both may call.
    pub again: Vec<String>,
    /// How many values had been recorded when a delivery began.
    begun: HashMap<String, usize>,
}

impl History {
    /// What was noted since the last time, and then what is recorded since then.
    pub fn add(&mut self, notes: Vec<Note>, recorded: Vec<String>) {
        for note in notes {
            match note {
                Note::Begun(delivery) => _ = self.begun.insert(delivery, self.recorded.len()),
                Note::Called(delivery, frame) => self.called(&delivery, frame),
            }
        }
        for frame in recorded {
            let number = self.recorded.len();
            self.recorded.entry(frame).or_insert(number);
        }
    }

    fn called(&mut self, delivery: &str, frame: String) {
        let begun = self.begun.get(delivery).copied().unwrap_or(usize::MAX);
        if self
            .recorded
            .get(&frame)
            .is_some_and(|number| *number < begun)
        {
            self.again.push(frame.clone());
        }
        *self.calls.entry(frame).or_default() += 1;
    }
}

/// A line of the file of calls.
#[derive(Debug, Clone)]
pub enum Note {
    Begun(String),
    /// The delivery, and the frame that the stage makes.
    Called(String, String),
}

impl From<&str> for Note {
    fn from(line: &str) -> Self {
        match line.split_once(' ') {
            None => Self::Begun(line.into()),
            Some((delivery, frame)) => Self::Called(delivery.into(), frame.into()),
        }
    }
}

impl<B: Books> Ledger<B> {
    /// From here on.
    pub async fn open(place: &impl Place<Books = B>) -> Result<Self, BoxError> {
        let mut ledger = Self {
            books: place.books().await?,
            calls: File::open(place.home().calls())?,
            rest: String::new(),
            history: History::default(),
        };
        ledger.look().await?;
        ledger.history.calls.clear();
        Ok(ledger)
    }

    /// Reads what is new.
    pub async fn look(&mut self) -> Result<(), BoxError> {
        // In this order: a delivery that is read with the frames or before them may have begun before the record.
        let recorded = self.books.recorded().await?;
        let notes = self.new_notes()?;
        self.history.add(notes, recorded);
        Ok(())
    }

    fn new_notes(&mut self) -> io::Result<Vec<Note>> {
        self.calls.read_to_string(&mut self.rest)?;
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let notes = self.rest[..whole].lines().map(Note::from).collect();
        self.rest.drain(..whole);
        Ok(notes)
    }

    /// How many messages have come to an end: rows and dead letters.
    pub async fn done(&self) -> Result<u64, BoxError> {
        self.books.done().await
    }

    /// How many events the workers have told.
    pub async fn told(&self) -> Result<u64, BoxError> {
        self.books.told().await
    }

    pub async fn ends(&self) -> Result<Ends, BoxError> {
        self.books.ends().await
    }
}
