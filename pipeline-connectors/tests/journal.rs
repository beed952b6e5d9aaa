//! The journals against what every journal promises, and files that are none.
#![cfg(all(feature = "journal", feature = "sqlite"))]

#[path = "common/small_disk.rs"]
mod small_disk;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use pipeline_connectors::journal::{self, Completed};
use pipeline_connectors::{Database, OpenErrorKind, conformance};
use pipeline_runtime::journal::{Frame, Journal, JournalError, Recorded};
use pipeline_runtime::sink::Sink;
use small_disk::SmallDisk;

#[tokio::test]
async fn memory_keeps_what_every_journal_promises() {
    conformance::journal(async || journal::memory()).await;
    conformance::journal(async || journal::memory().keep_finished()).await;
}

#[tokio::test]
async fn sqlite_keeps_what_every_journal_promises() {
    let directory = tempfile::tempdir().unwrap();
    let number = AtomicUsize::new(0);
    let path = || {
        directory
            .path()
            .join(format!("{}.db", number.fetch_add(1, SeqCst)))
    };
    conformance::journal(async || journal::sqlite(path()).open().unwrap()).await;
    let keeping = || journal::sqlite(path()).keep_finished(Duration::from_secs(60), 10);
    conformance::journal(async || keeping().open().unwrap()).await;
}

#[tokio::test]
async fn sqlite_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    conformance::durable_journal(async || journal::sqlite(&path).open().unwrap()).await;
}

#[tokio::test]
async fn a_full_disk_fails_what_was_to_be_recorded_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let journal = journal::sqlite(disk.file("tasks.db")).open().unwrap();
    let tasks = |count: usize| (0..count).map(|task| task.to_string().into()).collect();
    let frame = |task: usize| Frame {
        task: task.to_string().into(),
        key: "key".into(),
        value: vec![7; 10_000].into(),
    };
    journal.record(vec![frame(0)]).await.unwrap();
    let rest = disk.fill();
    let mut recorded = 1;
    let error = loop {
        match journal.record(vec![frame(recorded)]).await {
            Ok(()) => recorded += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the disk is full; make room");
    std::fs::remove_file(rest).unwrap();
    let loaded = journal.load(tasks(recorded + 1)).await.unwrap();
    let kept: Vec<_> = loaded.iter().map(Vec::len).collect();
    assert_eq!(kept, [vec![1; recorded], vec![0]].concat());
    journal.record(vec![frame(recorded)]).await.unwrap();
    let loaded = journal.load(tasks(recorded + 1)).await.unwrap();
    assert!(loaded.iter().all(|frames| frames.len() == 1));
}

#[tokio::test]
async fn memory_is_bounded_and_forgets_what_was_touched_longest_ago() {
    let journal = journal::memory().capacity(1024 * 1024);
    for number in 0..100 {
        record(&journal, &number.to_string(), &vec![7; 100_000]).await;
    }
    let tasks = (0..100)
        .map(|number: u32| number.to_string().into())
        .collect();
    let loaded = journal.load(tasks).await.unwrap();
    let kept: Vec<_> = (0..100)
        .filter(|number| !loaded[*number].is_empty())
        .collect();
    assert!(kept.len() <= 10, "{kept:?}");
    assert!(kept.contains(&99), "{kept:?}");
}

#[tokio::test]
async fn what_many_ask_for_at_the_same_time_shares_transactions() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal::sqlite(directory.path().join("tasks.db"))
        .open()
        .unwrap();
    let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    join_all(names.iter().map(|name| record(&journal, name, b"1"))).await;
    let stats = journal.stats();
    assert_eq!(stats.frames, 1000);
    assert!(stats.transactions <= 100, "{stats:?}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    let error = journal::sqlite(&path).open().unwrap_err();
    assert_eq!(error.kind, OpenErrorKind::NotADatabase);
}

#[test]
fn a_journal_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    drop(journal::sqlite(&path).open().unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute("UPDATE brigade_journal SET version = 2", [])
        .unwrap();
    let error = journal::sqlite(&path).open().unwrap_err();
    assert_eq!(
        error.kind,
        OpenErrorKind::Version {
            what: "journal",
            found: 2,
            known: 1
        }
    );
    assert!(error.to_string().ends_with(
        "it holds a journal of version 2, and this program knows version 1; let the program that made it finish its tasks, or choose another path"
    ));
}

#[tokio::test]
async fn a_completed_task_writes_its_rows_once_and_a_refused_one_writes_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    let journal = journal::sqlite(&path).open().unwrap();
    let database = Database::open(&path).unwrap();
    let table = database
        .table("reports")
        .column("text", "TEXT NOT NULL")
        .create()
        .open()
        .unwrap();
    let sink = journal.completing(&table).unwrap();
    let text = |text: &str| (Some(text.to_owned()),);
    let first = vec![
        Completed::rows("a", vec![text("a1"), text("a2")]),
        Completed::rows("b", vec![text("b1"), (None,)]),
        Completed::new("c", text("c1")),
        Completed::new("c", text("c1")),
    ];
    let written = sink.write(first).await.unwrap();
    let failed: Vec<_> = written.failures().map(|(index, _)| index).collect();
    assert_eq!(failed, [1]);
    let second = vec![
        Completed::rows("a", vec![text("a1"), text("a2")]),
        Completed::new("b", text("b1")),
        Completed::rows("d", Vec::new()),
    ];
    assert_eq!(sink.write(second).await.unwrap().failures().count(), 0);
    assert_eq!(texts(&path), ["a1", "a2", "b1", "c1"]);
    let counts = table.stats().snapshot();
    assert_eq!((counts.inserted, counts.ignored, counts.failed), (4, 3, 1));
    // A finished task may begin again.
    journal.finish(vec!["a".into()]).await.unwrap();
    let third = vec![Completed::new("a", text("a3"))];
    assert_eq!(sink.write(third).await.unwrap().failures().count(), 0);
    assert_eq!(texts(&path), ["a1", "a2", "a3", "b1", "c1"]);
}

#[tokio::test]
async fn a_full_disk_takes_neither_the_rows_of_a_task_nor_its_completion() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let path = disk.file("tasks.db");
    let journal = journal::sqlite(&path).open().unwrap();
    let database = Database::open(&path).unwrap();
    let table = database
        .table("reports")
        .column("text", "TEXT NOT NULL")
        .create()
        .open()
        .unwrap();
    let sink = journal.completing(&table).unwrap();
    let completed = |task: usize| Completed::new(task.to_string(), (format!("{task:09999}"),));
    let rest = disk.fill();
    let mut done = 0;
    let error = loop {
        match sink.write(vec![completed(done)]).await {
            Ok(written) => assert_eq!(written.failures().count(), 0),
            Err(error) => break error,
        }
        done += 1;
    };
    assert!(
        error.to_string().contains("the disk is full; make room"),
        "{error}"
    );
    std::fs::remove_file(rest).unwrap();
    assert_eq!(texts(&path).len(), done);
    // Were it complete, its row would not be written now.
    for _ in 0..2 {
        let written = sink.write(vec![completed(done)]).await.unwrap();
        assert_eq!(written.failures().count(), 0);
        assert_eq!(texts(&path).len(), done + 1);
    }
}

#[tokio::test]
async fn two_completions_of_one_task_in_a_batch_are_a_mistake_and_two_deliveries_of_it_are_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    let journal = journal::sqlite(&path).open().unwrap();
    let database = Database::open(&path).unwrap();
    let table = database
        .table("reports")
        .column("text", "TEXT")
        .create()
        .open()
        .unwrap();
    let sink = journal.completing(&table).unwrap();
    // As behind a `flat_map`.
    let parts = |task: &std::sync::Arc<str>| {
        ["1", "2"].map(|part| Completed::new(task.clone(), (format!("{task}{part}"),)))
    };
    let (a, again) = (parts(&"a".into()), parts(&"a".into()));
    let batch = a.into_iter().chain(parts(&"b".into()));
    let batch = batch.chain(again.into_iter().take(1)).collect();
    let written = sink.write(batch).await.unwrap();
    let failed: Vec<_> = written
        .failures()
        .map(|(index, error)| (index, error.to_string()))
        .collect();
    let why = "another `Completed` of its task came before it; give all rows of a task to one, with `Completed::rows`";
    let message = |text| format!("the row of table `reports` with text = \"{text}\": {why}");
    assert_eq!(failed, [(1, message("a2")), (3, message("b2"))]);
    assert_eq!(texts(&path), ["a1", "b1"]);
    let counts = table.stats().snapshot();
    assert_eq!((counts.inserted, counts.ignored, counts.failed), (2, 1, 2));
}

#[test]
fn a_table_in_another_file_cannot_complete_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal::sqlite(directory.path().join("tasks.db"))
        .open()
        .unwrap();
    let database = Database::open(directory.path().join("reports.db")).unwrap();
    let table = database
        .table("reports")
        .column("text", "TEXT")
        .create()
        .open()
        .unwrap();
    let error = journal.completing(&table).unwrap_err().to_string();
    assert!(
        error.contains("it is not in the file of the journal"),
        "{error}"
    );
}

fn texts(path: &std::path::Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut texts = connection
        .prepare("SELECT text FROM reports ORDER BY text")
        .unwrap();
    let texts = texts.query_map([], |row| row.get(0)).unwrap();
    texts.collect::<Result<_, _>>().unwrap()
}

async fn record(journal: &impl Journal, task: &str, value: &[u8]) {
    let frame = Frame {
        task: task.into(),
        key: "post".into(),
        value: value.into(),
    };
    journal.record(vec![frame]).await.unwrap();
}

/// Keeps the last finished task, and forgets the one before it also when it has begun again.
#[derive(Default)]
struct Hasty {
    frames: Mutex<HashMap<Arc<str>, Vec<Recorded>>>,
    last: Mutex<Option<Arc<str>>>,
}

impl Journal for Hasty {
    fn name(&self) -> Arc<str> {
        "hasty".into()
    }

    async fn load(&self, tasks: Vec<Arc<str>>) -> Result<Vec<Vec<Recorded>>, JournalError> {
        let frames = self.frames.lock().unwrap();
        let load = |task: &Arc<str>| frames.get(task).cloned().unwrap_or_default();
        Ok(tasks.iter().map(load).collect())
    }

    async fn record(&self, recorded: Vec<Frame>) -> Result<(), JournalError> {
        let mut frames = self.frames.lock().unwrap();
        for Frame { task, key, value } in recorded {
            let frames = frames.entry(task).or_default();
            frames.retain(|frame| frame.key != key);
            frames.push(Recorded { key, value });
        }
        Ok(())
    }

    async fn finish(&self, tasks: Vec<Arc<str>>) -> Result<(), JournalError> {
        for task in tasks {
            if let Some(before) = self.last.lock().unwrap().replace(task) {
                self.frames.lock().unwrap().remove(&before);
            }
        }
        Ok(())
    }
}

#[tokio::test]
#[should_panic(expected = "a finished task that has begun again is dropped while it is under way")]
async fn a_journal_that_drops_a_task_that_has_begun_again_is_found_out() {
    conformance::journal(async || Hasty::default()).await;
}
