//! What goes wrong inside a transaction, and what is dropped when.

use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::journal::{Frame, JournalError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::batch::Batches;
use super::thread::Ask;
use super::{Retention, schema};

const WAITED: Duration = Duration::from_millis(10);

struct Fixture {
    batches: Batches,
    /// Another connection to the same file.
    beside: Connection,
    _directory: tempfile::TempDir,
}

fn fixture(retention: Retention, pragma: &str) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    let database = crate::sqlite::sqlite(&path).busy_timeout(WAITED);
    let mut connection = database.open_alone().unwrap();
    schema::prepare(&mut connection).unwrap();
    connection.execute_batch(pragma).unwrap();
    Fixture {
        batches: Batches::new(connection, retention, WAITED, Arc::default()),
        beside: database.open_alone().unwrap(),
        _directory: directory,
    }
}

fn retention(finished: Duration, tasks: usize) -> Retention {
    Retention {
        unfinished: Duration::from_secs(3600),
        finished,
        tasks,
    }
}

const DROPS: Retention = Retention {
    unfinished: Duration::from_secs(3600),
    finished: Duration::ZERO,
    tasks: 0,
};

impl Fixture {
    fn record(&mut self, task: &str, value: &[u8]) -> Result<(), String> {
        let frame = Frame {
            task: task.into(),
            key: "post".into(),
            value: value.into(),
        };
        self.batches.write(&[Ask::Record(vec![frame], answer())])
    }

    fn finish(&mut self, tasks: &[&str]) {
        let tasks = tasks.iter().copied().map(Arc::from).collect();
        self.batches.write(&[Ask::Finish(tasks, answer())]).unwrap();
    }

    /// The tasks of which something is recorded.
    fn tasks(&self) -> Vec<String> {
        let mut tasks = self
            .beside
            .prepare("SELECT task FROM brigade_frames ORDER BY task")
            .unwrap();
        let tasks = tasks.query_map([], |row| row.get(0)).unwrap();
        tasks.collect::<Result<_, _>>().unwrap()
    }

    fn age(&self, table: &str, task: &str, by: Duration) {
        let sql = format!("UPDATE {table} SET at = at - ?1 WHERE task = ?2");
        let by = i64::try_from(by.as_millis()).unwrap();
        assert_eq!(
            self.beside.execute(&sql, rusqlite::params![by, task]),
            Ok(1)
        );
    }
}

fn answer<T>() -> oneshot::Sender<Result<T, JournalError>> {
    oneshot::channel().0
}

#[test]
fn a_full_disk_undoes_the_transaction_and_says_so_and_what_is_smaller_is_recorded_after_it() {
    let mut fixture = fixture(DROPS, "PRAGMA max_page_count = 40");
    fixture.record("a", b"1").unwrap();
    let error = fixture.record("b", &vec![0; 1024 * 1024]).unwrap_err();
    assert_eq!(error, "the disk is full; make room");
    assert_eq!(fixture.tasks(), ["a"]);
    fixture.record("c", b"3").unwrap();
    assert_eq!(fixture.tasks(), ["a", "c"]);
}

#[test]
fn a_file_that_is_locked_for_too_long_fails_the_transaction_and_says_so() {
    let mut fixture = fixture(DROPS, "");
    fixture.beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = fixture.record("a", b"1").unwrap_err();
    assert_eq!(
        error,
        "another program held it locked for 10ms; end that program, or raise `busy_timeout`"
    );
    fixture.beside.execute_batch("COMMIT").unwrap();
    fixture.record("a", b"1").unwrap();
}

#[test]
fn a_finished_task_is_dropped_at_once_where_nothing_else_is_said() {
    let mut fixture = fixture(DROPS, "");
    fixture.record("a", b"1").unwrap();
    fixture.record("b", b"2").unwrap();
    fixture
        .beside
        .execute(
            "INSERT INTO brigade_completed (task, at) VALUES ('b', 1)",
            [],
        )
        .unwrap();
    fixture.finish(&["b"]);
    assert_eq!(fixture.tasks(), ["a"]);
    let completed = fixture
        .beside
        .query_row("SELECT count(*) FROM brigade_completed", [], |row| {
            row.get(0)
        });
    assert_eq!(completed, Ok(0));
}

#[test]
fn finished_tasks_are_kept_for_their_time_and_the_newest_of_them() {
    let mut fixture = fixture(retention(Duration::from_secs(60), 2), "");
    for task in ["a", "b", "c", "d", "open"] {
        fixture.record(task, b"1").unwrap();
    }
    fixture.finish(&["a", "b", "c"]);
    fixture.batches.prune();
    assert_eq!(
        fixture.tasks(),
        ["b", "c", "d", "open"],
        "of three the newest two are kept"
    );
    fixture.age("brigade_finished", "b", Duration::from_secs(61));
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["c", "d", "open"], "one is too old");
}

#[test]
fn a_task_that_is_never_finished_goes_with_its_age() {
    let mut fixture = fixture(DROPS, "");
    for task in ["old", "new", "completed"] {
        fixture.record(task, b"1").unwrap();
    }
    fixture.age("brigade_frames", "old", Duration::from_secs(3601));
    // It is not acknowledged yet: its completion is all that keeps its rows from being written again.
    let complete = "INSERT INTO brigade_completed (task, at) SELECT task, at FROM brigade_frames WHERE task = 'completed'";
    fixture.beside.execute(complete, []).unwrap();
    fixture.batches.prune();
    assert_eq!(fixture.tasks(), ["completed", "new"]);
    let completed = fixture
        .beside
        .query_row("SELECT count(*) FROM brigade_completed", [], |row| {
            row.get(0)
        });
    assert_eq!(completed, Ok(1));
}

#[test]
fn a_clock_that_jumps_back_drops_nothing() {
    let mut fixture = fixture(retention(Duration::from_secs(60), 100), "");
    fixture.record("a", b"1").unwrap();
    fixture.finish(&["a"]);
    // As if it had been recorded in the future.
    let later = "UPDATE brigade_frames SET at = at + 1000000; UPDATE brigade_finished SET at = at + 1000000";
    fixture.beside.execute_batch(later).unwrap();
    fixture.batches.prune();
    assert_eq!(fixture.tasks(), ["a"]);
}
