//! What goes wrong inside a transaction, and what is dropped when.

use std::time::Duration;

use pipeline_runtime::journal::{Begin, Begun, Ending, Finish, Frame, JournalError, TaskName};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::ask::Ask;
use super::batch::Batches;
use super::retention::Retention;
use super::{JournalStats, schema};
use crate::sqlite::Sqlite;

/// Another test that gives room back may hold a file for some milliseconds.
const WAITED: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(3600);
/// A little longer than looks are apart.
const LATER: Duration = Duration::from_secs(601);

#[path = "../../../../tests/support/heard.rs"]
mod heard;
use heard::Heard;

struct Fixture {
    batches: Batches,
    /// Another connection to the same file.
    beside: Connection,
    _directory: tempfile::TempDir,
}

fn fixture(retention: Retention, pragma: &str) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    let database = Sqlite::at(&path).busy_timeout(WAITED);
    let (connection, ()) = database.open_with(schema::prepare).unwrap();
    connection.execute_batch(pragma).unwrap();
    let (beside, ()) = database.open_with(schema::prepare).unwrap();
    Fixture {
        batches: Batches::new(connection, retention, WAITED, true, JournalStats::default()),
        beside,
        _directory: directory,
    }
}

const KEEPS: Retention = Retention {
    unfinished: Duration::from_secs(24 * 3600),
    done: HOUR,
    tasks: 100,
};

impl Fixture {
    fn ask<T>(
        &mut self,
        ask: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Ask,
    ) -> Result<T, String> {
        let (answer, mut answered) = oneshot::channel();
        self.batches.serve(vec![ask(answer)]);
        let answer = answered.try_recv().expect("each is answered at once");
        answer.map_err(|error| error.to_string())
    }

    /// The epoch, or `None` where the task is done.
    fn begin(&mut self, task: &str) -> Option<u64> {
        let begin = Begin {
            task: name(task),
            message: None,
        };
        match self
            .ask(|answer| Ask::Begin(vec![begin], answer))
            .unwrap()
            .remove(0)
        {
            Begun::Open { epoch, .. } => Some(epoch),
            Begun::Done => None,
        }
    }

    /// Which frames were fenced.
    fn record(&mut self, task: &str, epoch: u64, value: &[u8]) -> Result<Vec<usize>, String> {
        let frame = Frame {
            task: name(task),
            epoch,
            key: "post".into(),
            value: value.into(),
        };
        self.ask(|answer| Ask::Record(vec![frame], answer))
    }

    /// A task of which something is recorded.
    fn task(&mut self, task: &str) -> u64 {
        let epoch = self.begin(task).unwrap();
        assert_eq!(self.record(task, epoch, b"1"), Ok(Vec::new()));
        epoch
    }

    fn finish(&mut self, task: &str, epoch: u64, ending: Ending) {
        let finish = Finish {
            task: name(task),
            epoch,
            ending,
        };
        self.ask(|answer| Ask::Finish(vec![finish], answer))
            .unwrap();
    }

    fn done(&mut self, task: &str) {
        let epoch = self.task(task);
        self.finish(task, epoch, Ending::Done);
    }

    /// The tasks of which something is recorded.
    fn recorded(&self) -> Vec<String> {
        self.names("SELECT task FROM brigade_frames ORDER BY task")
    }

    /// The tasks that are known.
    fn known(&self) -> Vec<String> {
        self.names("SELECT task FROM brigade_tasks ORDER BY task")
    }

    fn names(&self, sql: &str) -> Vec<String> {
        let mut names = self.beside.prepare(sql).unwrap();
        let names = names.query_map([], |row| row.get(0)).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    }

    /// As if all that is known had come so much earlier.
    fn time_passes(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        for sql in [
            "UPDATE brigade_tasks SET at = at - ?1",
            "UPDATE brigade_journal SET looked = looked - ?1, up = up - ?1",
        ] {
            self.beside.execute(sql, [by]).unwrap();
        }
    }

    /// As if the clock had been set ahead so far.
    fn clock_jumps(&self, ahead: Duration) {
        let ahead = i64::try_from(ahead.as_millis()).unwrap();
        for sql in [
            "UPDATE brigade_tasks SET at = at - ?1",
            "UPDATE brigade_journal SET looked = looked - ?1",
        ] {
            self.beside.execute(sql, [ahead]).unwrap();
        }
    }
}

fn name(task: &str) -> TaskName {
    TaskName::new("", task)
}

#[test]
fn a_full_disk_undoes_the_transaction_and_says_so_and_what_is_smaller_is_recorded_after_it() {
    let mut fixture = fixture(KEEPS, "PRAGMA max_page_count = 60");
    let [a, b, c] = ["a", "b", "c"].map(|task| fixture.begin(task).unwrap());
    fixture.record("a", a, b"1").unwrap();
    let error = fixture.record("b", b, &vec![0; 1024 * 1024]).unwrap_err();
    assert_eq!(error, "the disk is full; make room");
    assert_eq!(fixture.recorded(), ["a"]);
    fixture.record("c", c, b"3").unwrap();
    assert_eq!(fixture.recorded(), ["a", "c"]);
}

#[test]
fn a_file_that_is_locked_for_too_long_fails_the_transaction_and_says_so() {
    let mut fixture = fixture(KEEPS, "");
    let epoch = fixture.begin("a").unwrap();
    fixture.beside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = fixture.record("a", epoch, b"1").unwrap_err();
    assert_eq!(
        error,
        "another program held it locked for 200ms; end that program, or raise `busy_timeout`"
    );
    fixture.beside.execute_batch("COMMIT").unwrap();
    fixture.record("a", epoch, b"1").unwrap();
}

#[test]
fn what_is_recorded_of_a_task_is_dropped_when_it_is_done_and_that_it_is_done_is_remembered() {
    let mut fixture = fixture(KEEPS, "");
    fixture.task("open");
    fixture.done("done");
    assert_eq!(fixture.recorded(), ["open"]);
    assert_eq!(fixture.known(), ["done", "open"]);
    assert_eq!(fixture.begin("done"), None);
}

#[test]
fn nothing_is_remembered_where_that_is_said() {
    for (done, tasks) in [(Duration::ZERO, 100), (HOUR, 0)] {
        let mut fixture = fixture(
            Retention {
                done,
                tasks,
                ..KEEPS
            },
            "",
        );
        fixture.done("done");
        assert_eq!(fixture.known(), Vec::<String>::new());
    }
}

#[test]
fn a_task_goes_when_it_was_too_old_at_two_looks() {
    let mut fixture = fixture(KEEPS, "");
    fixture.done("done");
    fixture.task("open");
    // It must be older than an hour, and all of this may happen in one millisecond.
    fixture.time_passes(HOUR + Duration::from_millis(1));
    fixture.batches.prune_now();
    assert_eq!(
        fixture.known(),
        ["done", "open"],
        "it is too old for the first time"
    );
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), ["open"]);
    fixture.time_passes(HOUR * 24);
    fixture.batches.prune_now();
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), Vec::<String>::new());
    assert_eq!(fixture.recorded(), Vec::<String>::new());
}

#[test]
fn a_clock_that_jumps_ahead_drops_nothing_that_is_under_way() {
    let mut fixture = fixture(KEEPS, "");
    let epoch = fixture.task("under way");
    fixture.task("comes again");
    fixture.task("abandoned");
    fixture.done("done");
    // A month, and one more: everything is too old at each look, and no time has passed.
    fixture.batches.prune_now();
    for _ in 0..3 {
        fixture.clock_jumps(HOUR * 24 * 30);
        fixture.batches.prune_now();
        assert_eq!(fixture.known().len(), 4);
    }
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known().len(), 4, "it was looked at the jump before");
    assert_eq!(fixture.record("under way", epoch, b"2"), Ok(Vec::new()));
    let again = fixture.begin("comes again").unwrap();
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), ["comes again"]);
    assert_eq!(fixture.record("comes again", again, b"2"), Ok(Vec::new()));
    assert_eq!(
        fixture.record("under way", epoch, b"2"),
        Ok(vec![0]),
        "what is forgotten is nobody's"
    );
}

#[test]
fn a_clock_that_jumps_back_drops_nothing_and_begins_to_look_anew() {
    let mut fixture = fixture(KEEPS, "");
    fixture.done("done");
    // The clock was a month ahead when all of this was written.
    let ahead = "UPDATE brigade_tasks SET at = at + 2592000000; UPDATE brigade_journal SET looked = looked + 2592000000";
    fixture.beside.execute_batch(ahead).unwrap();
    fixture.batches.prune_now();
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), ["done"]);
    fixture.time_passes(HOUR * 24 * 30 + HOUR);
    fixture.batches.prune_now();
    fixture.time_passes(LATER);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), Vec::<String>::new());
}

#[test]
fn of_too_many_that_are_done_the_oldest_are_forgotten_first() {
    let mut fixture = fixture(Retention { tasks: 2, ..KEEPS }, "");
    fixture.task("open");
    for task in ["a", "b", "c", "d"] {
        fixture.done(task);
        fixture.time_passes(Duration::from_secs(1));
    }
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), ["c", "d", "open"]);
    fixture.batches.prune_now();
    assert_eq!(fixture.known(), ["c", "d", "open"]);
}

#[test]
fn that_there_are_too_many_that_are_done_is_warned_of_once() {
    let (heard, _listening) = Heard::here();
    let mut fixture = fixture(Retention { tasks: 2, ..KEEPS }, "");
    fixture.done("a");
    fixture.done("b");
    fixture.batches.prune_now();
    assert!(heard.lines("remembers no more tasks").is_empty());
    for task in ["c", "d"] {
        fixture.time_passes(Duration::from_secs(1));
        fixture.done(task);
        fixture.batches.prune_now();
        assert_eq!(fixture.known().len(), 2);
        let warnings = heard.lines("remembers no more tasks");
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("WARN"),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_value_that_is_forgotten_is_made_again_and_the_others_are_kept() {
    let mut fixture = fixture(KEEPS, "");
    fixture.task("a");
    let forget = |fixture: &mut Fixture, key: &str| {
        fixture.ask(|answer| Ask::Forget(name("a"), key.to_owned(), answer))
    };
    assert_eq!(forget(&mut fixture, "other"), Ok(false));
    assert_eq!(fixture.recorded(), ["a"]);
    assert_eq!(forget(&mut fixture, "post"), Ok(true));
    assert_eq!(fixture.recorded(), Vec::<String>::new());
    assert!(fixture.begin("a").is_some());
}
