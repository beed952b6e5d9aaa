//! Files that are none or hold something else, that stay locked, and a disk that is full.

use std::path::Path;
use std::time::{Duration, Instant};

use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::queue::SqliteQueue;
use pipeline_runtime::queue::{Admin as _, Queue};

use super::small_disk::SmallDisk;
use super::{Dir, message, receipts, receive};

fn refused(path: &Path) -> (OpenErrorKind, String) {
    let opened = Sqlite::open(path).and_then(|db| db.queue::<String>("jobs").open());
    let error = opened.unwrap_err();
    (error.kind.clone(), error.to_string())
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = Dir::new();
    let text = "once upon a time ".repeat(1000);
    std::fs::write(dir.path(), &text).unwrap();
    let (kind, said) = refused(&dir.path());
    assert_eq!(kind, OpenErrorKind::NotADatabase);
    let path = dir.path();
    assert_eq!(
        said,
        format!(
            "cannot open the database {}: the file is not a database, or is damaged; choose another path",
            path.display()
        )
    );
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        text,
        "it is left alone"
    );
}

#[test]
fn a_queue_of_another_version_is_refused() {
    let dir = Dir::new();
    drop(dir.open());
    dir.raw()
        .execute("UPDATE brigade_queue_meta SET version = 8", [])
        .unwrap();
    let (kind, said) = refused(&dir.path());
    let version = OpenErrorKind::Version {
        what: "queue",
        found: 8,
        known: 7,
    };
    assert_eq!(kind, version);
    assert!(
        said.ends_with(
            "it holds a queue of version 8, and this program knows version 7; let the program that made it finish its tasks, or choose another path"
        ),
        "{said}"
    );
}

#[test]
fn a_queue_of_other_bodies_is_refused() {
    let dir = Dir::new();
    drop(dir.open());
    let error = Sqlite::open(dir.path())
        .unwrap()
        .queue::<Vec<u8>>("jobs")
        .open()
        .unwrap_err();
    assert_eq!(error.kind, OpenErrorKind::Bodies("text".to_owned()));
}

#[test]
fn a_path_in_no_directory_is_refused() {
    let dir = Dir::new();
    let (kind, _) = refused(&dir.path().join("jobs.db"));
    assert_eq!(kind, OpenErrorKind::NoDirectory);
}

#[tokio::test]
async fn the_file_may_hold_other_tables() {
    let dir = Dir::new();
    dir.raw()
        .execute_batch("CREATE TABLE posts (id INTEGER); PRAGMA user_version = 42")
        .unwrap();
    let queue = dir.open();
    queue.send(vec![message("a")]).await.unwrap();
    assert_eq!(receive(&queue).await.len(), 1);
    let version: i64 = dir
        .raw()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 42, "that is the program's own");
}

#[tokio::test]
async fn a_file_that_stays_locked_is_an_error_that_may_pass() {
    let dir = Dir::new();
    let queue = Sqlite::at(dir.path())
        .busy_timeout(Duration::from_millis(20))
        .open()
        .unwrap()
        .queue("jobs");
    let queue: SqliteQueue = queue.open().unwrap();
    let raw = dir.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let error = queue.send(vec![message("a")]).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(20));
    assert!(error.is_away());
    assert_eq!(
        error.to_string(),
        "another program held it locked for 20ms; end that program, or raise `busy_timeout`"
    );
    raw.execute_batch("ROLLBACK").unwrap();
    queue.send(vec![message("b")]).await.unwrap();
    assert_eq!(receive(&queue).await.len(), 1, "what failed is not stored");
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_may_pass_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let queue: SqliteQueue = Sqlite::open(disk.file("jobs.db"))
        .unwrap()
        .queue("jobs")
        .open()
        .unwrap();
    let large = "x".repeat(10_000);
    queue
        .send(vec![message("a"), message(&large)])
        .await
        .unwrap();
    let rest = disk.fill();
    let error = loop {
        if let Err(error) = queue.send(vec![message(&large)]).await {
            break error;
        }
    };
    assert!(error.is_away());
    assert_eq!(error.to_string(), "the disk is full; make room");
    // What failed is not there, what was there is, and goes on when there is room.
    std::fs::remove_file(rest).unwrap();
    let before = queue.stats().await.unwrap().ready;
    queue.send(vec![message(&large)]).await.unwrap();
    let received = receive(&queue).await;
    assert_eq!(received.len() as u64, before + 1);
    assert_eq!(received[0].body, "a");
    assert!(received[1..].iter().all(|message| message.body == large));
    assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
}
