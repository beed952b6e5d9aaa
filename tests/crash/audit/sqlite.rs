//! The books in files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Error, ErrorCode};

use super::books::{Books, Taken, Turn};
use crate::places::Places;

/// Notes in the journal's file itself what is recorded, in the transaction that records it.
const RECORDED: &str = "
    CREATE TABLE recorded (seq INTEGER PRIMARY KEY, frame TEXT NOT NULL);
    CREATE TRIGGER note_recorded AFTER INSERT ON brigade_frames BEGIN
        INSERT INTO recorded (frame) VALUES (new.task || '/' || new.key);
    END;
";

pub(crate) struct Files {
    places: Places,
    files: [PathBuf; 4],
    journal: Connection,
    /// The last frame that was seen.
    seen: i64,
}

impl Files {
    pub(crate) fn open(directory: &Path, places: Places) -> Self {
        let files = places.files(directory);
        Self {
            places,
            journal: open_in_between(&files[2]),
            files,
            seen: 0,
        }
    }
}

impl Books for Files {
    fn prepare(&mut self) {
        self.journal.execute_batch(RECORDED).unwrap();
    }

    fn left(&mut self, messages: u32) -> Option<u32> {
        let [queue, table, ..] = &self.files;
        let count = |file: &Path, of: &str| {
            let count = format!("SELECT count({of}");
            unless_held(open_in_between(file).query_row(&count, [], |row| row.get::<_, u32>(0)))
        };
        match self.places {
            Places::Sqs => count(table, "DISTINCT number) FROM rows").map(|done| messages - done),
            _ => count(queue, "*) FROM brigade_queue"),
        }
    }

    fn recorded(&mut self) -> Option<Vec<String>> {
        let new = "SELECT seq, frame FROM recorded WHERE seq > ?1 ORDER BY seq";
        let read = || -> rusqlite::Result<Vec<(i64, String)>> {
            let mut select = self.journal.prepare_cached(new)?;
            let frames = select.query_map([self.seen], |row| Ok((row.get(0)?, row.get(1)?)))?;
            frames.collect()
        };
        let frames = unless_held(read())?;
        self.seen = frames.last().map_or(self.seen, |(seq, _)| *seq);
        Some(frames.into_iter().map(|(_, frame)| frame).collect())
    }

    fn rows(&mut self) -> Vec<u32> {
        all(&self.files[1], "SELECT number FROM rows ORDER BY rowid")
    }

    fn letters(&mut self) -> Vec<String> {
        let letters = "SELECT id || ': ' || stage || ': ' || cause FROM brigade_dead_letter";
        all(&self.files[3], letters)
    }

    fn taken(&mut self) -> Option<HashSet<Taken>> {
        None
    }

    fn turns(&mut self) -> Vec<Turn> {
        Vec::new()
    }
}

fn all<T: FromSql>(file: &Path, sql: &str) -> Vec<T> {
    let file = open(file);
    let mut select = file.prepare(sql).unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection
}

/// One that does not wait for long.
fn open_in_between(path: &Path) -> Connection {
    let connection = open(path);
    connection.busy_timeout(Duration::from_millis(100)).unwrap();
    connection
}

fn unless_held<T>(read: rusqlite::Result<T>) -> Option<T> {
    let code = read.as_ref().err().and_then(Error::sqlite_error_code);
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed) => None,
        _ => Some(read.unwrap()),
    }
}
