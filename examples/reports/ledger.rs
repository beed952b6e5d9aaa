//! What has happened so far, as the files tell it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _};

use brigade::BoxError;
use rusqlite::{Connection, OpenFlags};

use crate::args::Place;

/// Reads along while the workers work. It knows of each `once` stage of each task, as `report 7/link`, when it was
/// called and when its value was recorded.
pub struct Ledger {
    table: Connection,
    dead: Connection,
    calls: File,
    /// Of a line that is not yet whole.
    rest: String,
    /// The last frame that was seen.
    seen: i64,
    pub recorded: HashSet<String>,
    /// How often each was called.
    pub calls_of: HashMap<String, u32>,
    /// Calls of what had been recorded before: there must be none.
    pub again: Vec<String>,
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
        let read = |path| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let mut ledger = Self {
            table: read(place.table())?,
            dead: read(place.dead())?,
            calls: File::open(place.calls())?,
            rest: String::new(),
            seen: 0,
            recorded: HashSet::new(),
            calls_of: HashMap::new(),
            again: Vec::new(),
        };
        ledger.look()?;
        ledger.calls_of.clear();
        Ok(ledger)
    }

    /// Reads what is new. A call that is noted after a look at which its value was recorded already should not have been
    /// made.
    pub fn look(&mut self) -> Result<(), BoxError> {
        // In this order: what is called between the two is not yet known to be recorded.
        let frames = self.frames()?;
        for call in self.new_calls()? {
            if self.recorded.contains(&call) {
                self.again.push(call.clone());
            }
            *self.calls_of.entry(call).or_default() += 1;
        }
        self.recorded.extend(frames);
        Ok(())
    }

    fn frames(&mut self) -> rusqlite::Result<Vec<String>> {
        let new = "SELECT seq, task || '/' || key FROM brigade_frames WHERE seq > ?1 ORDER BY seq";
        let mut new = self.table.prepare_cached(new)?;
        let mut rows = new.query([self.seen])?;
        let mut frames = Vec::new();
        while let Some(row) = rows.next()? {
            self.seen = row.get(0)?;
            frames.push(row.get(1)?);
        }
        Ok(frames)
    }

    fn new_calls(&mut self) -> io::Result<Vec<String>> {
        self.calls.read_to_string(&mut self.rest)?;
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let calls = self.rest[..whole].lines().map(str::to_owned).collect();
        self.rest.drain(..whole);
        Ok(calls)
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
