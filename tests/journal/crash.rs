//! A process that is killed at any point runs no recorded stage again, and writes no row twice.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use brigade::journal::{self, Completed};
use brigade::prelude::*;
use brigade::sink::Database;

const TASKS: u32 = 3000;

/// The directory that the child works in.
const DIRECTORY: &str = "BRIGADE_TEST_CRASH";

const STAGES: [&str; 3] = ["parsed", "loaded", "sent"];

/// Where every call of a stage is noted before it does anything. What is written here survives the process.
struct Calls(File);

impl Calls {
    fn open(directory: &Path) -> Self {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log(directory));
        Self(file.unwrap())
    }

    fn note(&self, stage: &str, task: u32) -> u32 {
        // One write, so that lines of several threads stay whole.
        (&self.0)
            .write_all(format!("{task}/{stage}\n").as_bytes())
            .unwrap();
        task
    }
}

fn log(directory: &Path) -> PathBuf {
    directory.join("calls.txt")
}

fn file(directory: &Path) -> PathBuf {
    directory.join("tasks.db")
}

#[tokio::test]
#[ignore = "the process that the test below kills"]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    // A range begins anew each time, and knows nothing of what is finished.
    let journal = journal::sqlite(file(&directory))
        .keep_finished(Duration::from_secs(3600), 1_000_000)
        .open()
        .unwrap();
    let database = Database::open(file(&directory)).unwrap();
    let rows = database
        .table("rows")
        .column("task", "INTEGER")
        .create()
        .open()
        .unwrap();
    let rows = journal.completing(&rows).unwrap();
    let calls = Arc::new(Calls::open(&directory));
    pipeline! {
        [0..TASKS]
        journal = journal;
        use calls;
        push_task(task, id = |task| task),
        let parsed = calls.note("parsed", *task) with { once },
        :block 2 let loaded = calls.note("loaded", *parsed) with { once },
        :async 8 let sent = async { calls.note("sent", *loaded) }.await with { once },
        map(|m| Completed::new(m.task_id(), (m.sent,))),
        :drive rows,
    }
    .run()
    .await
    .unwrap();
}

#[test]
fn a_process_that_is_killed_at_any_point_runs_no_recorded_stage_again_and_writes_each_row_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut seen, mut kills) = (0, 0);
    loop {
        let before = recorded(directory.path());
        // Each time at another point, from right at the start to some thousand calls later.
        let finished = run(directory.path(), seen + kills * 7919 % 20_000);
        let calls = std::fs::read_to_string(log(directory.path())).unwrap_or_default();
        let after = recorded(directory.path());
        for call in calls[seen..].lines() {
            assert!(
                !before.contains(call),
                "{call} was recorded, and ran again after {kills} kills"
            );
            let (task, stage) = call.split_once('/').unwrap();
            let stage = STAGES.iter().position(|name| *name == stage).unwrap();
            if let Some(previous) = stage.checked_sub(1) {
                let previous = format!("{task}/{}", STAGES[previous]);
                assert!(
                    after.contains(&previous),
                    "{call} ran before {previous} was durable"
                );
            }
        }
        seen = calls.len();
        if finished {
            break;
        }
        kills += 1;
    }
    assert!(kills > 10, "it was killed {kills} times only");
    let rows = query(
        directory.path(),
        "SELECT CAST(task AS TEXT) FROM rows ORDER BY task",
    );
    let expected: Vec<String> = (0..TASKS).map(|task| task.to_string()).collect();
    assert_eq!(rows, expected, "a row is missing, or there twice");
    assert_eq!(recorded(directory.path()).len(), 3 * TASKS as usize);
}

/// Whether the process came to its end; it is killed when its notes are longer than this.
fn run(directory: &Path, bytes: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return true;
        }
        if std::fs::metadata(log(directory)).is_ok_and(|notes| notes.len() > bytes as u64) {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What is recorded, as `task/key`.
fn recorded(directory: &Path) -> HashSet<String> {
    if !file(directory).exists() {
        return HashSet::new();
    }
    query(directory, "SELECT task || '/' || key FROM brigade_frames")
        .into_iter()
        .collect()
}

fn query(directory: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(file(directory)).unwrap();
    // Killed before it had made its tables.
    let Ok(mut rows) = connection.prepare(sql) else {
        return Vec::new();
    };
    let rows = rows.query_map([], |row| row.get(0));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}
