//! What has happened so far, as the files tell it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _};

use brigade::BoxError;
use rusqlite::{Connection, OpenFlags};

use crate::args::Place;
use crate::place::BUSY;

/// The database itself notes what is recorded, in the transaction that records it: the journal drops what is recorded of
/// a task when that is done.
const NOTES: &str = "
    CREATE TABLE IF NOT EXISTS recorded (seq INTEGER PRIMARY KEY, frame TEXT NOT NULL);
    CREATE TRIGGER IF NOT EXISTS note_recorded AFTER INSERT ON brigade_frames BEGIN
        INSERT INTO recorded (frame) VALUES (new.task || '/' || new.key);
    END;
";

/// Reads along while the workers work.
pub struct Ledger {
    table: Connection,
    dead: Connection,
    calls: File,
    /// Of a line that is not yet whole.
    rest: String,
    /// The last frame that was seen.
    seen: i64,
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

/// Rows of the table, and where the dead letters come from.
#[derive(Debug, Default)]
pub struct Ends {
    /// By number: how many.
    pub rows: HashMap<u32, u32>,
    /// By id: the stage that failed.
    pub letters: BTreeMap<String, String>,
}

impl Ledger {
    /// From here on.
    pub fn open(place: &Place) -> Result<Self, BoxError> {
        let notes = Connection::open(place.table())?;
        notes.busy_timeout(BUSY)?;
        notes.execute_batch(NOTES)?;
        let read = |path| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let mut ledger = Self {
            table: read(place.table())?,
            dead: read(place.dead())?,
            calls: File::open(place.calls())?,
            rest: String::new(),
            seen: 0,
            history: History::default(),
        };
        ledger.look()?;
        ledger.history.calls.clear();
        Ok(ledger)
    }

    /// Reads what is new.
    pub fn look(&mut self) -> Result<(), BoxError> {
        // In this order: a delivery that is read with the frames or before them may have begun before the record.
        let recorded = self.frames()?;
        let notes = self.new_notes()?;
        self.history.add(notes, recorded);
        Ok(())
    }

    fn frames(&mut self) -> rusqlite::Result<Vec<String>> {
        let new = "SELECT seq, frame FROM recorded WHERE seq > ?1 ORDER BY seq";
        let mut new = self.table.prepare_cached(new)?;
        let mut rows = new.query([self.seen])?;
        let mut frames = Vec::new();
        while let Some(row) = rows.next()? {
            self.seen = row.get(0)?;
            frames.push(row.get(1)?);
        }
        Ok(frames)
    }

    fn new_notes(&mut self) -> io::Result<Vec<Note>> {
        self.calls.read_to_string(&mut self.rest)?;
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let notes = self.rest[..whole].lines().map(Note::from).collect();
        self.rest.drain(..whole);
        Ok(notes)
    }

    /// How many messages have come to an end: rows and dead letters.
    pub fn done(&self) -> rusqlite::Result<u64> {
        let rows = "SELECT coalesce(max(rowid), 0) FROM reports";
        let rows: u64 = self.table.query_row(rows, [], |row| row.get(0))?;
        let letters = "SELECT count(*) FROM brigade_dead_letter";
        let letters: u64 = self.dead.query_row(letters, [], |row| row.get(0))?;
        Ok(rows + letters)
    }

    pub fn ends(&self) -> rusqlite::Result<Ends> {
        let mut rows = self
            .table
            .prepare("SELECT number, count(*) FROM reports GROUP BY number")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut letters = self
            .dead
            .prepare("SELECT id, stage FROM brigade_dead_letter")?;
        let letters = letters.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Ends {
            rows: rows.collect::<rusqlite::Result<_>>()?,
            letters: letters.collect::<rusqlite::Result<_>>()?,
        })
    }
}
