//! What is there in the end, as any program can see it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode};

use crate::crew::Zombie;
use crate::story::Places;

/// Notes in the journal's file itself what is recorded, in the transaction that records it.
const RECORDED: &str = "
    CREATE TABLE recorded (seq INTEGER PRIMARY KEY, frame TEXT NOT NULL);
    CREATE TRIGGER note_recorded AFTER INSERT ON brigade_frames BEGIN
        INSERT INTO recorded (frame) VALUES (new.task || '/' || new.key);
    END;
";

pub(crate) fn prepare(directory: &Path, places: Places) {
    let [_, _, journal, _] = places.files(directory);
    open(&journal).execute_batch(RECORDED).unwrap();
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

/// What was read. `None` while somebody holds the file: a worker that is stopped lets go only when it goes on, which is up
/// to who asks.
fn unless_held<T>(read: rusqlite::Result<T>) -> Option<T> {
    let code = read.as_ref().err().and_then(Error::sqlite_error_code);
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed) => None,
        _ => Some(read.unwrap()),
    }
}

/// How many messages are in the queue, or, where nobody can look into it, have no row. `None` while somebody holds it.
pub(crate) fn left(directory: &Path, places: Places, messages: u32) -> Option<u32> {
    let [queue, table, ..] = places.files(directory);
    let count = |file: &Path, of: &str| {
        let count = format!("SELECT count({of}");
        unless_held(open_in_between(file).query_row(&count, [], |row| row.get::<_, u32>(0)))
    };
    match places {
        Places::Sqs => count(&table, "DISTINCT number) FROM rows").map(|done| messages - done),
        _ => count(&queue, "*) FROM brigade_queue"),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) lost: Vec<u32>,
    pub(crate) twice: Vec<u32>,
    pub(crate) letters: Vec<String>,
    /// Calls of stages that were recorded when a delivery began that makes them.
    pub(crate) again: Vec<String>,
    /// What a process has begun after its leases had ended, of deliveries from before.
    pub(crate) by_zombies: Vec<String>,
}

pub(crate) fn look(
    directory: &Path,
    places: Places,
    messages: u32,
    notes: &Path,
    zombies: &[Zombie],
    ledger: Ledger,
) -> Found {
    let [_, table, _, letters] = places.files(directory);
    let mut rows = HashMap::<u32, u32>::new();
    let table = open(&table);
    let mut select = table.prepare("SELECT number FROM rows").unwrap();
    for number in select.query_map([], |row| row.get(0)).unwrap() {
        *rows.entry(number.unwrap()).or_default() += 1;
    }
    let letters = open(&letters);
    let mut select = letters
        .prepare("SELECT id || ': ' || stage || ': ' || cause FROM brigade_dead_letter")
        .unwrap();
    let letters = select.query_map([], |row| row.get(0)).unwrap();
    let notes = fs::read_to_string(notes).unwrap();
    Found {
        lost: (0..messages)
            .filter(|number| !rows.contains_key(number))
            .collect(),
        twice: rows
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(number, _)| *number)
            .collect(),
        letters: letters.collect::<Result<_, _>>().unwrap(),
        again: ledger.again,
        by_zombies: by_zombies(&notes, zombies),
    }
}

/// Reads along while the workers work: what is recorded, and then what they have noted.
pub(crate) struct Ledger {
    journal: Connection,
    notes: File,
    /// Of a line that is not yet whole.
    rest: String,
    /// The last frame that was seen.
    seen: i64,
    /// Each with its number: how many were recorded before it.
    recorded: HashMap<String, usize>,
    /// How many values had been recorded when a delivery began.
    begun: HashMap<String, usize>,
    again: Vec<String>,
}

impl Ledger {
    pub(crate) fn open(directory: &Path, places: Places, notes: &Path) -> Self {
        let [_, _, journal, _] = places.files(directory);
        let notes = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(notes);
        Self {
            journal: open_in_between(&journal),
            notes: notes.unwrap(),
            rest: String::new(),
            seen: 0,
            recorded: HashMap::new(),
            begun: HashMap::new(),
            again: Vec::new(),
        }
    }

    /// A delivery that is read with a frame, or before it, may have begun before the record. Whether nobody holds the file.
    pub(crate) fn look(&mut self) -> bool {
        let Some(frames) = unless_held(self.frames()) else {
            return false;
        };
        self.notes.read_to_string(&mut self.rest).unwrap();
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.rest.split_off(whole);
        for line in std::mem::replace(&mut self.rest, rest).lines() {
            self.note(line);
        }
        for (seq, frame) in frames {
            self.seen = seq;
            let number = self.recorded.len();
            self.recorded.entry(frame).or_insert(number);
        }
        true
    }

    /// Those that were not seen yet.
    fn frames(&self) -> rusqlite::Result<Vec<(i64, String)>> {
        let new = "SELECT seq, frame FROM recorded WHERE seq > ?1 ORDER BY seq";
        let mut select = self.journal.prepare_cached(new)?;
        let frames = select.query_map([self.seen], |row| Ok((row.get(0)?, row.get(1)?)))?;
        frames.collect()
    }

    fn note(&mut self, line: &str) {
        let note = Note::of(line);
        if note.call.is_none() {
            self.begun
                .insert(note.delivery.to_owned(), self.recorded.len());
            return;
        }
        let begun = self.begun.get(note.delivery).copied();
        let number = self.recorded.get(&note.frame());
        if number.is_some_and(|number| *number < begun.unwrap_or(usize::MAX)) {
            self.again.push(line.to_owned());
        }
    }
}

/// A line of the notes.
struct Note<'a> {
    delivery: &'a str,
    process: &'a str,
    /// Which delivery of the message it is.
    count: u32,
    message: &'a str,
    /// The stage that is called; where there is none, the delivery begins.
    call: Option<&'a str>,
    thread: &'a str,
}

impl<'a> Note<'a> {
    fn of(line: &'a str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let (delivery, what, thread, begins) = match words[..] {
            [delivery, "begins", message, thread] => (delivery, message, thread, true),
            [delivery, call, thread] => (delivery, call, thread, false),
            _ => panic!("no note: {line}"),
        };
        let (process, place) = delivery.split_once(':').unwrap();
        let (_, count) = place.split_once('.').unwrap();
        let call = what.split_once('/');
        assert_eq!(call.is_none(), begins, "no note: {line}");
        Self {
            delivery,
            process,
            count: count.parse().unwrap(),
            message: call.map_or(what, |(message, _)| message),
            call: call.map(|(_, stage)| stage),
            thread,
        }
    }

    fn frame(&self) -> String {
        format!("{}/{}", self.message, self.call.unwrap_or_default())
    }
}

/// What processes did after they were stopped for longer than a lease, for messages of which a newer delivery had begun
/// elsewhere before they went on.
///
/// A thread may have been stopped between the look at the lease and the call, so the first that each of them does is not
/// among it.
fn by_zombies(notes: &str, zombies: &[Zombie]) -> Vec<String> {
    let mut found = Vec::new();
    for zombie in zombies {
        let process = zombie.process.to_string();
        let (before, after) = notes.split_at(usize::try_from(zombie.went_on).unwrap());
        let mut newest = HashMap::<_, u32>::new();
        for note in before.lines().map(Note::of) {
            if note.process != process {
                let newest = newest.entry(note.message).or_default();
                *newest = note.count.max(*newest);
            }
        }
        let mut threads = HashSet::new();
        for line in after.lines() {
            let note = Note::of(line);
            let is_old = |newest: &u32| note.count < *newest;
            if note.process == process
                && !threads.insert(note.thread)
                && newest.get(note.message).is_some_and(is_old)
            {
                found.push(line.to_owned());
            }
        }
    }
    found
}
