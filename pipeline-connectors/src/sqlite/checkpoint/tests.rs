use std::fs;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Checkpointer, Growth, Limits, Worker};

const PAGE: u64 = 4096;

/// A file of its own, its writer, and what moves its log.
struct Place {
    checkpointer: Checkpointer,
    writer: Connection,
    folder: TempDir,
}

impl Place {
    fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Connection::open(folder.path().join("x.db")).unwrap();
        writer
            .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
        writer.execute_batch("CREATE TABLE x (text)").unwrap();
        let checkpointer = Checkpointer::of(&mut writer, limits).unwrap();
        Self {
            checkpointer,
            writer,
            folder,
        }
    }

    /// A row takes about a page.
    fn write(&mut self, rows: usize) {
        let transaction = self.writer.transaction().unwrap();
        for _ in 0..rows {
            let insert = "INSERT INTO x VALUES (?1)";
            transaction.execute(insert, ["x".repeat(4000)]).unwrap();
        }
        transaction.commit().unwrap();
    }

    fn pages(&self, name: &str) -> u64 {
        let file = fs::metadata(self.folder.path().join(name));
        file.map_or(0, |file| file.len() / PAGE)
    }
}

#[test]
fn the_log_is_moved_while_the_writer_rests() {
    let mut place = Place::new(Limits {
        begin: Growth::new(100, 100),
        catch_up: 1_000_000,
    });
    place.write(50);
    assert!(place.pages("x.db") < 50);
    place.write(60);
    let patience = Instant::now() + Duration::from_secs(30);
    while place.pages("x.db") < 110 {
        assert!(Instant::now() < patience, "nobody has moved it");
        std::thread::sleep(Duration::from_millis(1));
    }
    let worker = super::lock(&place.checkpointer.0.worker);
    assert!(
        matches!(*worker, Worker::Runs(_)),
        "the writer has moved it"
    );
}

#[test]
fn the_log_stays_bounded_while_rows_are_written_without_a_pause() {
    // No thread: what the writer does when that one does not keep up.
    let mut place = Place::new(Limits {
        begin: Growth::new(i32::MAX, i32::MAX),
        catch_up: 200,
    });
    for _ in 0..100 {
        place.write(20);
        assert!(place.pages("x.db-wal") < 300, "the log only grows");
    }
}

#[test]
fn the_log_is_removed_with_the_database() {
    let mut place = Place::new(Limits {
        begin: Growth::new(10, 10),
        catch_up: 1_000_000,
    });
    place.write(100);
    place.checkpointer.flush(&place.writer);
    let Place {
        checkpointer,
        writer,
        folder,
    } = place;
    drop(checkpointer);
    drop(writer);
    assert!(!folder.path().join("x.db-wal").exists());
    let rows = Connection::open(folder.path().join("x.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM x", [], |row| row.get(0));
    assert_eq!(rows, Ok(100));
}

#[test]
fn without_a_file_the_writer_moves_it_and_no_thread_is_made() {
    let mut writer = Connection::open_in_memory().unwrap();
    let checkpointer = Checkpointer::of(&mut writer, Limits::default()).unwrap();
    assert!(!checkpointer.0.begin());
}
