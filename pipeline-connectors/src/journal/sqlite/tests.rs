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
        batches: Batches::new(connection, retention, WAITED, true, Arc::default()),
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
        let written = self.batches.write(&[Ask::Record(vec![frame], answer())]);
        written.map_err(|(_, why)| why)
    }

    fn finish(&mut self, tasks: &[&str]) {
        let tasks = tasks.iter().copied().map(Arc::from).collect();
        self.batches.write(&[Ask::Finish(tasks, answer())]).unwrap();
    }

    fn load(&mut self, task: &str) -> usize {
        self.batches.load(&[task.into()]).unwrap()[0].len()
    }

    fn complete(&self, task: &str) {
        let sql = "INSERT INTO brigade_completed (task, at) SELECT task, at FROM brigade_frames WHERE task = ?1";
        assert_eq!(self.beside.execute(sql, [task]), Ok(1));
    }

    fn completed(&self) -> usize {
        let sql = "SELECT count(*) FROM brigade_completed";
        let count = self.beside.query_row(sql, [], |row| row.get(0));
        count.unwrap()
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
    fixture.complete("b");
    fixture.finish(&["b"]);
    assert_eq!(fixture.tasks(), ["a"]);
    assert_eq!(fixture.completed(), 0);
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
    fixture.complete("completed");
    fixture.batches.prune();
    assert_eq!(fixture.tasks(), ["completed", "new"]);
    assert_eq!(fixture.completed(), 1);
}

#[test]
fn a_task_that_keeps_coming_is_kept_and_goes_as_a_whole() {
    let (long, minute) = (Duration::from_secs(2400), Duration::from_secs(60));
    let mut fixture = fixture(DROPS, "");
    for task in ["comes", "gone", "parts"] {
        fixture.record(task, b"1").unwrap();
        fixture.age("brigade_frames", task, long);
    }
    assert_eq!(fixture.load("comes"), 1);
    let later = "INSERT INTO brigade_frames (task, key, value, at)
        SELECT task, 'later', value, at + 2000000 FROM brigade_frames WHERE task = 'parts'";
    assert_eq!(fixture.beside.execute(later, []), Ok(1));
    let age = "UPDATE brigade_frames SET at = at - 1260000";
    assert_eq!(fixture.beside.execute(age, []), Ok(4));
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["comes", "parts", "parts"]);
    // Now both of its frames are too old, and those of the other nearly so.
    assert_eq!(fixture.load("parts"), 2);
    fixture.beside.execute(age, []).unwrap();
    fixture.age("brigade_frames", "comes", minute);
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["comes", "parts", "parts"]);
    let age = "UPDATE brigade_frames SET at = at - 3600000";
    fixture.beside.execute(age, []).unwrap();
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), Vec::<String>::new());
}

#[test]
fn a_task_that_begins_again_is_not_dropped_with_its_first_end() {
    let minute = Duration::from_secs(60);
    let mut fixture = fixture(retention(minute, 2), "");
    for task in ["again", "done"] {
        fixture.record(task, b"1").unwrap();
        fixture.complete(task);
    }
    fixture.finish(&["again", "done"]);
    fixture.age("brigade_finished", "again", minute * 2);
    fixture.age("brigade_finished", "done", minute * 2);
    // Longer ago than unfinished tasks are kept, too.
    fixture.age("brigade_frames", "again", minute * 61);
    fixture.age("brigade_completed", "again", minute * 61);
    // It records nothing more: all of its stages are on record.
    assert_eq!(fixture.load("again"), 1);
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["again"], "the other is too old");
    assert_eq!(fixture.completed(), 1, "its rows would be written again");
    for task in ["b", "c", "d"] {
        fixture.record(task, b"1").unwrap();
        fixture.finish(&[task]);
    }
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["again", "c", "d"], "of three two");
    fixture.finish(&["again"]);
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["again", "d"], "it is the newest now");
    fixture.age("brigade_finished", "again", minute * 2);
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["d"]);
    assert_eq!(fixture.completed(), 0);
}

#[test]
fn a_task_that_goes_on_while_another_delivery_of_it_ends_is_kept() {
    let mut fixture = fixture(retention(Duration::from_secs(60), 100), "");
    fixture.record("a", b"1").unwrap();
    fixture.finish(&["a"]);
    fixture.record("a", b"2").unwrap();
    fixture.batches.prune_now();
    let finished = "SELECT count(*) FROM brigade_finished";
    let count = |fixture: &Fixture| fixture.beside.query_row(finished, [], |row| row.get(0));
    assert_eq!(count(&fixture), Ok(0), "it is under way");
    // Both end, and the last end counts.
    fixture.finish(&["a"]);
    fixture.age("brigade_finished", "a", Duration::from_secs(120));
    fixture.finish(&["a"]);
    fixture.batches.prune_now();
    assert_eq!(fixture.tasks(), ["a"]);
    assert_eq!(count(&fixture), Ok(1));
}

#[test]
fn loading_writes_only_where_a_finished_task_begins_again() {
    let mut fixture = fixture(retention(Duration::from_secs(60), 100), "");
    fixture.record("a", b"1").unwrap();
    fixture.record("b", b"1").unwrap();
    fixture.finish(&["b"]);
    fixture.beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!((fixture.load("a"), fixture.load("new")), (1, 0));
    let error = fixture.batches.load(&["b".into()]).unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    fixture.beside.execute_batch("COMMIT").unwrap();
    assert_eq!(fixture.load("b"), 1);
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
