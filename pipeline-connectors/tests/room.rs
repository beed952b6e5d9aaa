//! A small disk that is full: what the logs of its files can do without is given back, and all goes on when there is room.

#![cfg(all(feature = "sqlite", feature = "journal"))]

#[path = "common/kinds.rs"]
mod kinds;
#[path = "common/small_disk.rs"]
mod small_disk;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use kinds::KINDS;
use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::journal::{self, Completing};
use pipeline_connectors::queue::{SqliteLetters, SqliteQueue};
use pipeline_connectors::sink::Table;
use pipeline_runtime::BoxError;
use pipeline_runtime::journal::{Begin, Begun, Ending, Finish, Frame, Journal as _, TaskName};
use pipeline_runtime::queue::{Ask, DeadLetter, DeadLetters as _, Outgoing, Queue as _};
use pipeline_runtime::sink::{Sink as _, Stake};
use small_disk::SmallDisk;

/// Of a message, a value, a letter, a row.
const SIZE: usize = 10_000;

/// More than a new file takes.
const ROOM: u64 = 256 * 1024;

/// A file of each kind. What is written to them goes again, or takes the place of what is there: they stay small, and
/// their logs do not.
struct Files {
    queue: SqliteQueue,
    journal: journal::SqliteJournal,
    letters: SqliteLetters,
    table: Table,
    completing: Completing,
    numbers: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Queue,
    Journal,
    Letters,
    Table,
    Completing,
}

impl Part {
    fn file(self) -> &'static str {
        match self {
            Self::Queue => "jobs.db",
            Self::Journal | Self::Completing => "tasks.db",
            Self::Letters => "dead.db",
            Self::Table => "rows.db",
        }
    }
}

const PARTS: [Part; 5] = [
    Part::Queue,
    Part::Journal,
    Part::Letters,
    Part::Table,
    Part::Completing,
];

impl Files {
    fn on(disk: &SmallDisk) -> Self {
        let table = |file: Part| {
            let database = Sqlite::open(disk.file(file.file())).unwrap();
            let table = database.table("rows").column("id", "INTEGER");
            let table = table.column("text", "TEXT").key(["id"]).upsert();
            table.create().open().unwrap()
        };
        let journal = Sqlite::open(disk.file(Part::Journal.file()))
            .unwrap()
            .journal();
        let journal = journal.open().unwrap();
        let completing = journal.completing(&table(Part::Completing)).unwrap();
        Self {
            queue: Sqlite::open(disk.file(Part::Queue.file()))
                .unwrap()
                .queue("jobs")
                .open()
                .unwrap(),
            letters: Sqlite::open(disk.file(Part::Letters.file()))
                .unwrap()
                .letters()
                .open()
                .unwrap(),
            table: table(Part::Table),
            journal,
            completing,
            numbers: AtomicU32::new(0),
        }
    }

    async fn round(&self, part: Part) -> Result<(), BoxError> {
        match part {
            Part::Queue => self.message().await,
            Part::Journal => self.task().await,
            Part::Letters => self.letter().await,
            Part::Table => {
                let written = self.table.write(vec![self.row()]).await?;
                assert_eq!(written.failures().count(), 0);
                Ok(())
            }
            Part::Completing => {
                let (task, epoch) = self.begin("task").await?;
                let stake = Stake::of_task(task.clone(), epoch);
                let written = self
                    .completing
                    .settle(vec![self.row()], vec![stake])
                    .await?;
                assert_eq!(written.failures().count(), 0);
                self.finish(task, epoch).await
            }
        }
    }

    async fn message(&self) -> Result<(), BoxError> {
        let message = Outgoing::new("x".repeat(SIZE)).id("one");
        self.queue.send(vec![message]).await?;
        let received = self.queue.receive(Ask::new(1, Duration::ZERO)).await?;
        let receipts = received.iter().map(|message| message.receipt.clone());
        self.queue.ack(receipts.collect()).await?;
        Ok(())
    }

    async fn task(&self) -> Result<(), BoxError> {
        let (task, epoch) = self.begin("one").await?;
        let frame = Frame {
            task: task.clone(),
            epoch,
            key: "key".into(),
            value: vec![7; SIZE].into(),
        };
        self.journal.record(vec![frame]).await?;
        self.finish(task, epoch).await
    }

    /// In the place of the one before, and another: what is as it was is not written.
    fn row(&self) -> (i64, String) {
        let number = self.numbers.fetch_add(1, Relaxed);
        (1, format!("{number:0SIZE$}"))
    }

    /// For another message each time: that a task is complete is remembered.
    async fn begin(&self, task: &str) -> Result<(TaskName, u64), BoxError> {
        let task = TaskName::new("room", task);
        let number = self.numbers.fetch_add(1, Relaxed);
        let begin = Begin {
            task: task.clone(),
            message: Some(number.to_string().into()),
        };
        match self.journal.begin(vec![begin]).await?.remove(0) {
            Begun::Open { epoch, .. } => Ok((task, epoch)),
            Begun::Done => Err("it is another message each time".into()),
        }
    }

    async fn finish(&self, task: TaskName, epoch: u64) -> Result<(), BoxError> {
        let ending = Ending::Dropped;
        let finish = Finish {
            task,
            epoch,
            ending,
        };
        Ok(self.journal.finish(vec![finish]).await?)
    }

    async fn letter(&self) -> Result<(), BoxError> {
        let letter = DeadLetter::new("one".to_owned(), vec![7; SIZE]);
        self.letters.write(vec![letter]).await?;
        let one = self.letters.get("one").await?;
        self.letters.remove(&one).await?;
        Ok(())
    }
}

#[tokio::test]
async fn the_logs_of_files_that_stay_small_do_not_fill_a_small_disk() {
    let Some(disk) = SmallDisk::mount_of("2m") else {
        return;
    };
    let files = Files::on(&disk);
    // One after the other: a log that nobody writes any longer must not take the room of the next.
    for part in PARTS.into_iter().chain(PARTS) {
        for round in 0..200 {
            let done = files.round(part).await;
            assert!(done.is_ok(), "{part:?}, round {round}: {done:?}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_everything_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount_of("2m") else {
        return;
    };
    let files = Files::on(&disk);
    for part in PARTS {
        files.round(part).await.unwrap();
        let rest = disk.fill();
        let mut more = 0;
        let error = loop {
            more += 1;
            let name = format!("more {more}");
            // What stays there, so that the disk is full in the end whatever the logs give back.
            let letter = DeadLetter::new(name, vec![7; SIZE]);
            let kept = files.letters.write(vec![letter]).await;
            if let Err(error) = kept.map_err(BoxError::from).and(files.round(part).await) {
                break error.to_string();
            }
        };
        assert!(
            error.contains("the disk is full; make room"),
            "{part:?}: {error}"
        );
        fs::remove_file(rest).unwrap();
        for part in PARTS {
            let done = files.round(part).await;
            assert!(done.is_ok(), "{part:?}: {done:?}");
        }
        assert!(files.letters.count().await.unwrap() >= more - 1);
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_moved_for_a_while_leaves_the_room_that_it_needs_for_that() {
    for part in PARTS {
        let Some(disk) = SmallDisk::mount_of("2m") else {
            return;
        };
        let files = Files::on(&disk);
        // As a process that was stopped while it read: what is written from here on stays in the log.
        let reader = rusqlite::Connection::open(disk.file(part.file())).unwrap();
        let look = "BEGIN; SELECT count(*) FROM sqlite_schema";
        reader.execute_batch(look).unwrap();
        let mut rounds = 0;
        let error = loop {
            match files.round(part).await {
                Ok(()) => rounds += 1,
                Err(error) => break error.to_string(),
            }
            assert!(rounds < 1000, "{part:?}: the log is moved all the same");
        };
        assert!(
            error.contains("the disk is full; make room"),
            "{part:?}: {error}"
        );
        reader.execute_batch("COMMIT").unwrap();
        // What has just been tried in vain rests for a second.
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(error) = files.round(part).await {
            assert!(
                Instant::now() < deadline,
                "{part:?}, after {rounds} rounds: {error}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_file_opens_on_a_disk_that_logs_fill() {
    let Some(disk) = SmallDisk::mount_of("2m") else {
        return;
    };
    let files = Files::on(&disk);
    // On so small a disk logs are made empty now and then.
    let log = disk.file("jobs.db-wal");
    for rounds in 0.. {
        files.round(Part::Queue).await.unwrap();
        if fs::metadata(&log).unwrap().len() > ROOM {
            break;
        }
        assert!(rounds < 1000, "the log does not grow");
    }
    let rest = disk.fill();
    // There is room in the log of the queue. Whoever reads that just now keeps it from being cut, but for a moment.
    let deadline = Instant::now() + Duration::from_secs(30);
    let opened = loop {
        let opened = Sqlite::open(disk.file("new.db")).and_then(|db| db.letters().open());
        if opened.is_ok() || Instant::now() > deadline {
            break opened;
        }
    };
    fs::remove_file(rest).unwrap();
    assert!(opened.is_ok(), "{opened:?}");
}

#[test]
fn a_file_that_cannot_be_opened_for_want_of_room_says_so() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let file = |kind: kinds::Kind| disk.file(&kind.name());
    for kind in KINDS {
        // The second is there, and has no room for its log.
        for time in 0..2 {
            let rest = disk.fill();
            let Err(error) = kind.open(&file(kind), Duration::ZERO) else {
                panic!("{kind:?} opens the {time}th time");
            };
            assert_eq!(error.kind, OpenErrorKind::DiskFull, "{kind:?}: {error}");
            let said = error.to_string();
            assert!(said.ends_with("the disk is full; make room"), "{said}");
            fs::remove_file(rest).unwrap();
            let opened = kind.open(&file(kind), Duration::from_secs(5));
            assert!(opened.is_ok(), "{kind:?}: {:?}", opened.err());
            drop(opened);
            closed(&file(kind));
        }
    }
}

/// Waits until nobody has the file or a log of it open, which journals and queues close on their threads: what was removed
/// and is still open takes room.
fn closed(file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let name = file.to_str().unwrap();
    let is_open = || {
        let open = fs::read_dir("/proc/self/fd").unwrap();
        let mut open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        open.any(|open| open.to_string_lossy().starts_with(name))
    };
    while is_open() {
        assert!(Instant::now() < deadline, "it stays open");
        std::thread::sleep(Duration::from_millis(1));
    }
}
