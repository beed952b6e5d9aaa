//! A worker whose places are files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::journal::SqliteJournal;
use brigade::queue::{SqliteLetters, SqliteQueue};
use brigade::sink::Table;

use super::job::{work as rows_of, work_linked};
use super::send;
use crate::notes::Notes;
use crate::places::Places;

/// Who waits for a file waits for as long as its holder may be stopped.
const BUSY: Duration = Duration::from_secs(60);

pub(super) async fn work(directory: &Path, places: Places, notes: Arc<Notes>) -> String {
    let Desk {
        journal,
        letters,
        table,
    } = Desk::open(directory, places);
    let queue = jobs(directory, places);
    if places == Places::QueueElsewhere {
        let rows = journal.completing(&table).unwrap();
        return rows_of(queue, journal, letters, notes, rows).await;
    }
    let rows = queue.settling(&table).unwrap();
    match places {
        Places::Linked => work_linked(queue, journal, letters, notes, rows).await,
        _ => rows_of(queue, journal, letters, notes, rows).await,
    }
}

/// What a worker works with, all of it with the defaults that matter: those of the retention.
pub(super) struct Desk {
    pub(super) journal: SqliteJournal,
    pub(super) letters: SqliteLetters,
    pub(super) table: Table,
}

impl Desk {
    pub(super) fn open(directory: &Path, places: Places) -> Self {
        let [_, table, journal, letters] = places.files(directory);
        let database = Sqlite::at(table).busy_timeout(BUSY).open().unwrap();
        let table = database.table("rows").column("number", "INTEGER NOT NULL");
        Self {
            journal: Sqlite::at(journal)
                .busy_timeout(BUSY)
                .open()
                .unwrap()
                .journal()
                .open()
                .unwrap(),
            letters: Sqlite::open(letters).unwrap().letters().open().unwrap(),
            // No key: a row that is written twice is there twice.
            table: table.create().open().unwrap(),
        }
    }
}

fn jobs(directory: &Path, places: Places) -> SqliteQueue {
    let [queue, ..] = places.files(directory);
    let file = Sqlite::at(queue).busy_timeout(BUSY).open().unwrap();
    file.queue("jobs").lease(places.lease()).open().unwrap()
}

pub(super) async fn prepare(directory: &Path, places: Places, messages: u32) {
    Desk::open(directory, places);
    send(&jobs(directory, places), places, messages).await;
}
