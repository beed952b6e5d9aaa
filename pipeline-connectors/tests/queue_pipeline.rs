//! A SQLite queue, its dead letters and a queue as a sink at the ends of pipelines.

#![cfg(feature = "sqlite")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue::{Admin as _, Ask, DeadLetters as _, Outgoing};
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::queue::{SqliteLetters, SqliteQueue};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn queue(&self, name: &str) -> SqliteQueue {
        Sqlite::open(self.path(name))
            .unwrap()
            .queue("jobs")
            .open()
            .unwrap()
    }
}

/// Waits for a condition; fails after ten seconds.
async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn depth(queue: &SqliteQueue) -> (u64, u64) {
    let stats = queue.stats().await.unwrap();
    (stats.ready, stats.total() - stats.ready)
}

/// Doubles numbers from one queue into another; what is no number becomes a dead letter.
async fn double(numbers: &SqliteQueue, doubled: &SqliteQueue, dead: &SqliteLetters, all: u64) {
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::dead_letters(dead.clone())]
        push_task(original),
        let number = original.trim().parse::<u64>()?,
        :block 2 let double = number * 2,
        map(|m| Outgoing::new(m.double.to_string()).id(format!("double of {}", m.original.id()))),
        :drive 2 doubled.clone().sink(),
    }
    .spawn();
    eventually(|| stats.snapshot().acked + stats.snapshot().dead == all).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_message_is_in_one_queue_or_the_other_or_a_dead_letter_that_can_be_replayed() {
    let dir = Dir::new();
    let (numbers, doubled) = (dir.queue("numbers.db"), dir.queue("doubled.db"));
    let dead = Sqlite::open(dir.path("numbers.db"))
        .unwrap()
        .letters()
        .open()
        .unwrap();
    let texts = (0..500).map(|n| {
        if n == 123 {
            "many".to_owned()
        } else {
            n.to_string()
        }
    });
    numbers
        .send(texts.map(Outgoing::new).collect())
        .await
        .unwrap();

    double(&numbers, &doubled, &dead, 500).await;
    assert_eq!(depth(&numbers).await, (0, 0));
    assert_eq!(depth(&doubled).await, (499, 0));
    let mut letters = dead.oldest(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&*letters[0].stage, &*letters[0].original),
        ("number", &b"many"[..])
    );
    assert_eq!(
        letters[0].command,
        "let number = original.trim().parse::<u64>()?"
    );

    // Someone corrects it.
    letters[0].original = b"123".to_vec();
    dead.write(letters.clone()).await.unwrap();
    let replayed = dead.replay(&numbers).run().await.unwrap();
    assert_eq!((replayed.sent, replayed.unsent.len()), (1, 0));
    double(&numbers, &doubled, &dead, 1).await;
    assert_eq!(depth(&doubled).await, (500, 0));
    assert_eq!(dead.count().await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_sent_twice_is_done_once_while_it_is_queued() {
    let dir = Dir::new();
    let doubled = dir.queue("doubled.db");
    for _ in 0..2 {
        let report = pipeline! {
            [0..10_u64]
            map(|number| Outgoing::new(number.to_string()).id(format!("number {number}"))),
            :drive doubled.clone().sink(),
        };
        report.run().await.unwrap();
    }
    assert_eq!(depth(&doubled).await, (10, 0));
}

#[tokio::test]
async fn a_crawl_that_sends_to_its_own_queue_visits_everything() {
    let dir = Dir::new();
    let pages = dir.queue("pages.db");
    let page = |number: u64| Outgoing::new(number.to_string()).id(number.to_string());
    pages.send(vec![page(1)]).await.unwrap();
    let deliveries = pages.clone().deliveries().wait(Duration::ZERO).until_idle();
    let stats = deliveries.stats();
    pipeline! {
        [deliveries]
        :async 4 map(|page| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            page.parse::<u64>().unwrap()
        }),
        // A tree of 63 pages; a batch is never full.
        map(move |number| [2 * number, 2 * number + 1].map(page)),
        flat_map(|links| links),
        filter(|link: &Outgoing<String>| link.body.parse::<u64>().unwrap() < 64),
        batch(1000),
        flat_map(|links| links),
        :drive pages.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(stats.snapshot().acked, 63);
    assert_eq!(depth(&pages).await, (0, 0));
}

#[tokio::test]
async fn a_pipeline_that_is_aborted_gives_its_messages_back_at_once() {
    let dir = Dir::new();
    let numbers = dir.queue("numbers.db");
    numbers
        .send((0..20).map(|n| Outgoing::new(n.to_string())).collect())
        .await
        .unwrap();
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        :async 20 map(|_delivery| async { std::future::pending::<()>().await }),
        :drive sink::each(|()| {}),
    }
    .spawn();
    eventually(|| stats.snapshot().received == 20).await;
    let _ = running.abort().await;
    assert_eq!(depth(&numbers).await, (20, 0), "no lease holds them back");
}

#[tokio::test]
async fn a_message_that_is_delivered_too_often_becomes_a_letter_by_itself() {
    let dir = Dir::new();
    let numbers = dir.queue("numbers.db");
    let dead = Sqlite::open(dir.path("dead.db"))
        .unwrap()
        .letters()
        .open()
        .unwrap();
    let messages = ["many", "7"].map(|text| Outgoing::new(text.to_owned()).id(text));
    numbers.send(messages.into()).await.unwrap();
    let deliveries = numbers.clone().deliveries().poison(2, dead.clone());
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::ZERO)]
        map(|message| message.parse::<u64>())?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    eventually(|| stats.snapshot().acked + stats.snapshot().dead == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(depth(&numbers).await, (0, 0));
    let letters = dead.oldest(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((&*letter.id, &*letter.stage), ("many", "queue"));
    assert_eq!(letter.cause, "delivered 3 times; 2 are allowed");
}

/// In real time: the leases are in the file.
#[tokio::test]
async fn what_is_worked_on_for_longer_than_its_lease_comes_to_nobody_else() {
    let dir = Dir::new();
    let lease = Duration::from_secs(2);
    let open = || {
        let queue = Sqlite::open(dir.path("numbers.db"))
            .unwrap()
            .queue("jobs")
            .lease(lease);
        queue.open().unwrap()
    };
    let (numbers, other): (SqliteQueue, SqliteQueue) = (open(), open());
    let messages = (0..3).map(|n| Outgoing::new(n.to_string()));
    numbers.send(messages.collect()).await.unwrap();
    let deliveries = numbers.deliveries();
    let stats = deliveries.stats();
    let gate = tokio::sync::watch::Sender::new(false);
    // One is worked on, the others wait for it.
    let running = pipeline! {
        [deliveries]
        use gate = gate.subscribe();
        :async 1 map(|_delivery| {
            let mut gate = gate.clone();
            async move { gate.wait_for(|open| *open).await.map(drop) }
        })?,
        :drive sink::each(|()| {}),
    }
    .spawn();
    eventually(|| stats.snapshot().received == 3).await;
    let came = other
        .receive(Ask::new(10, 2 * lease + lease / 2))
        .await
        .unwrap();
    assert!(came.is_empty(), "{came:?}");
    gate.send_replace(true);
    eventually(|| stats.snapshot().acked == 3).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(depth(&other).await, (0, 0));
}
