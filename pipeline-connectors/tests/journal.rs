//! The journals against what every journal promises, and files that are none.
#![cfg(all(feature = "journal", feature = "sqlite"))]

#[path = "common/small_disk.rs"]
mod small_disk;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use pipeline_connectors::conformance;
use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::journal;
use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Frame, Journal, JournalError, TaskName,
};
use small_disk::SmallDisk;

#[tokio::test]
async fn memory_keeps_what_every_journal_promises() {
    conformance::journal(async || journal::memory()).await;
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
    conformance::journal(async || Sqlite::open(path()).unwrap().journal().open().unwrap()).await;
}

#[tokio::test]
async fn sqlite_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    conformance::durable_journal(async || Sqlite::open(&path).unwrap().journal().open().unwrap())
        .await;
}

#[tokio::test]
async fn a_full_disk_fails_what_was_to_be_recorded_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let journal = Sqlite::open(disk.file("tasks.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let names: Vec<_> = (0..1000).map(|task| task.to_string()).collect();
    let epochs = begin(&journal, &names).await;
    let frame = |task: usize| frame(&names[task], epochs[task].0, &[7; 10_000]);
    journal.record(vec![frame(0)]).await.unwrap();
    let rest = disk.fill();
    let mut recorded = 1;
    let error = loop {
        match journal.record(vec![frame(recorded)]).await {
            Ok(_) => recorded += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the disk is full; make room");
    std::fs::remove_file(rest).unwrap();
    assert!(
        journal
            .record(vec![frame(recorded)])
            .await
            .unwrap()
            .is_empty()
    );
    let kept: Vec<_> = begin(&journal, &names[..recorded + 2]).await;
    let kept: Vec<_> = kept.iter().map(|(_, frames)| *frames).collect();
    assert_eq!(kept, [vec![1; recorded + 1], vec![0]].concat());
}

#[tokio::test]
async fn memory_is_bounded_and_forgets_what_was_touched_longest_ago() {
    let journal = journal::memory().byte_bound(1024 * 1024);
    for number in 0..100 {
        record(&journal, &number.to_string(), &vec![7; 100_000]).await;
    }
    let names: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let known = begin(&journal, &names).await;
    let kept: Vec<_> = (0..100).filter(|number| known[*number].1 > 0).collect();
    assert!(kept.len() <= 10, "{kept:?}");
    assert!(kept.contains(&99), "{kept:?}");
}

#[tokio::test]
async fn what_many_ask_for_at_the_same_time_shares_transactions() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(directory.path().join("tasks.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    join_all(names.iter().map(|name| record(&journal, name, b"1"))).await;
    let stats = journal.stats().snapshot();
    assert_eq!(stats.frames, 1000);
    assert!(stats.transactions <= 100, "{stats:?}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    let error = Sqlite::open(&path).unwrap_err();
    assert_eq!(error.kind, OpenErrorKind::NotADatabase);
}

#[test]
fn a_journal_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.db");
    drop(Sqlite::open(&path).unwrap().journal().open().unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute("UPDATE brigade_journal SET version = 3", [])
        .unwrap();
    let error = Sqlite::open(&path).unwrap().journal().open().unwrap_err();
    assert_eq!(
        error.kind,
        OpenErrorKind::Version {
            what: "journal",
            found: 3,
            known: 2
        }
    );
    assert!(error.to_string().ends_with(
        "it holds a journal of version 3, and this program knows version 2; let the program that made it finish its tasks, or choose another path"
    ));
}

#[test]
fn a_table_in_another_file_cannot_complete_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(directory.path().join("tasks.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let database = Sqlite::open(directory.path().join("reports.db")).unwrap();
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

/// The epoch of each task, and how much is recorded of it.
async fn begin(journal: &impl Journal, tasks: &[String]) -> Vec<(u64, usize)> {
    let begin = |task: &String| Begin {
        task: TaskName::new("", &**task),
        message: None,
    };
    let begun = journal.begin(tasks.iter().map(begin).collect()).await;
    let open = begun.unwrap().into_iter().map(|begun| match begun {
        Begun::Open { epoch, frames } => (epoch, frames.len()),
        Begun::Done => panic!("nothing is done"),
    });
    open.collect()
}

fn frame(task: &str, epoch: u64, value: &[u8]) -> Frame {
    Frame {
        task: TaskName::new("", task),
        epoch,
        key: "post".into(),
        value: value.into(),
    }
}

async fn record(journal: &impl Journal, task: &str, value: &[u8]) {
    let (epoch, _) = begin(journal, &[task.to_owned()]).await[0];
    let fenced = journal.record(vec![frame(task, epoch, value)]).await;
    assert!(fenced.unwrap().is_empty());
}

/// Takes whatever is recorded, whoever records it.
struct Careless(journal::MemoryJournal, Mutex<HashMap<TaskName, u64>>);

impl Journal for Careless {
    fn name(&self) -> Name {
        "careless".into()
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        let names: Vec<_> = tasks.iter().map(|begin| begin.task.clone()).collect();
        let begun = self.0.begin(tasks).await?;
        let mut newest = self.1.lock().unwrap();
        for (task, begun) in names.into_iter().zip(&begun) {
            if let Begun::Open { epoch, .. } = begun {
                newest.insert(task, *epoch);
            }
        }
        Ok(begun)
    }

    async fn record(&self, mut frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        for frame in &mut frames {
            let newest = self.1.lock().unwrap();
            frame.epoch = newest.get(&frame.task).copied().unwrap_or_default();
        }
        self.0.record(frames).await
    }

    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        self.0.finish(tasks).await
    }
}

#[tokio::test]
#[should_panic(expected = "what is recorded under an older epoch is not fenced")]
async fn a_journal_that_takes_what_an_older_delivery_records_is_found_out() {
    let careless = async || Careless(journal::memory(), Mutex::default());
    conformance::journal(careless).await;
}

/// Remembers nothing of what is done.
struct Forgetful(journal::MemoryJournal);

impl Journal for Forgetful {
    fn name(&self) -> Name {
        "forgetful".into()
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        self.0.begin(tasks).await
    }

    async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        self.0.record(frames).await
    }

    async fn finish(&self, mut tasks: Vec<Finish>) -> Result<(), JournalError> {
        for finish in &mut tasks {
            finish.ending = Ending::Dropped;
        }
        self.0.finish(tasks).await
    }
}

#[tokio::test]
#[should_panic(expected = "a task that is done begins again")]
async fn a_journal_that_forgets_what_is_done_at_once_is_found_out() {
    conformance::journal(async || Forgetful(journal::memory())).await;
}
