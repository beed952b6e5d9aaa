//! Broadcasts in a SQLite file: programs that hear each other.
#![cfg(all(feature = "service", feature = "sqlite"))]

#[path = "common/heard.rs"]
mod heard;

use std::path::Path;
use std::time::Duration;

use pipeline_connectors::database::Sqlite;
use pipeline_service::Broadcast;
use rusqlite::Connection;

use heard::{Event, act, all_is_heard_or_told, told};

fn open(path: impl AsRef<Path>) -> Broadcast<Event> {
    let file = Sqlite::at(path.as_ref()).busy_timeout(Duration::from_millis(200));
    // Nobody is behind by more than that: what is missed was lost by who sent it.
    let broadcast = file.open().unwrap().broadcast("events");
    broadcast.capacity(10_000).keep(100_000).open().unwrap()
}

/// The program.
#[tokio::test]
async fn program() {
    if let Some((role, place)) = told() {
        act(&role, open(place)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_programs_send_over_a_file_all_hear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let here = open(&path);
    all_is_heard_or_told("program", path.to_str().unwrap(), here.clone(), async || {}).await;
    assert_eq!(here.lost(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_for_a_while_loses_nothing_untold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let small = Sqlite::at(&path).busy_timeout(Duration::from_millis(50));
    let small = small.open().unwrap().broadcast("events").capacity(100);
    let here: Broadcast<Event> = small.open().unwrap();
    let there = open(&path);
    let mut events = there.subscribe();
    let locks = Connection::open(&path).unwrap();
    locks.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for number in 0..500 {
        here.send((0, number));
    }
    assert_eq!(here.lost(), 400);
    tokio::time::sleep(Duration::from_millis(300)).await;
    locks.execute_batch("ROLLBACK").unwrap();
    here.flush().await;
    let mut numbers = Vec::new();
    while numbers.len() < 100 {
        numbers.push(events.next().await.unwrap().unwrap());
    }
    assert_eq!(numbers.last(), Some(&(0, 99)));
    assert_eq!(events.next().await.unwrap().unwrap_err().events(), 400);
}

#[tokio::test]
async fn the_table_is_bounded_and_who_was_behind_it_is_told_how_many_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let file = Sqlite::open(&path).unwrap();
    let here: Broadcast<u64> = file.broadcast("n").keep(50).open().unwrap();
    let other: Broadcast<u64> = file.broadcast("another").open().unwrap();
    let (mut events, mut others) = (here.subscribe(), other.subscribe());
    // Between two looks.
    for number in 0..1_000 {
        here.send(number);
    }
    here.flush().await;
    let (mut last, mut all) = (None, 0);
    while all < 1_000 {
        match events.next().await.unwrap() {
            Ok(number) => {
                assert_eq!(number, all);
                all += 1;
                last = Some(number);
            }
            Err(gap) => all += gap.events(),
        }
    }
    assert_eq!((all, last), (1_000, Some(999)));
    let table = Connection::open(&path).unwrap();
    let count = "SELECT count(*) FROM brigade_event";
    let kept: u64 = table.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 50);
    other.send(7);
    assert_eq!(others.next().await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn a_broadcast_whose_row_was_removed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let here = open(&path);
    let mut events = here.subscribe();
    here.send((0, 1));
    assert_eq!(events.next().await.unwrap().unwrap(), (0, 1));
    let table = Connection::open(&path).unwrap();
    let remove = "DELETE FROM brigade_broadcast";
    assert_eq!(table.execute(remove, []).unwrap(), 1);
    let deadline = Duration::from_secs(60);
    for number in [2, 3] {
        here.send((0, number));
        let flushed = tokio::time::timeout(deadline, here.flush());
        flushed.await.expect("it is written");
    }
    let third = async { while !matches!(events.next().await.unwrap(), Ok((0, 3))) {} };
    let heard = tokio::time::timeout(deadline, third);
    heard.await.expect("it is heard");
}
