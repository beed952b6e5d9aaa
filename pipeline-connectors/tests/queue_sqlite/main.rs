//! Queues in SQLite files: what every queue promises, clocks, and what other programs write.

#![cfg(feature = "sqlite")]

mod files;
mod processes;
#[path = "../common/small_disk.rs"]
mod small_disk;
#[path = "../common/traced.rs"]
mod traced;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pipeline_connectors::conformance;
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::queue::{QueueBody, SqliteQueue};
use pipeline_runtime::queue::{Admin as _, Ask, Outgoing, Queue, Receipt, Received, Unsettled};
use rusqlite::Connection;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    fn open(&self) -> SqliteQueue {
        Sqlite::open(self.path())
            .unwrap()
            .queue("jobs")
            .open()
            .unwrap()
    }

    /// What another program sees and does.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn message(text: &str) -> Outgoing<String> {
    Outgoing::new(text.to_owned())
}

fn receipts(received: &[Received<String>]) -> Vec<Receipt> {
    received
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

async fn receive(queue: &SqliteQueue) -> Vec<Received<String>> {
    queue.receive(Ask::new(100, Duration::ZERO)).await.unwrap()
}

/// Two handles of a new queue, in a file of its own.
fn pair<B: QueueBody>(dir: &TempDir, count: &AtomicUsize) -> (SqliteQueue<B>, SqliteQueue<B>) {
    let path = dir
        .path()
        .join(format!("{}.db", count.fetch_add(1, Ordering::Relaxed)));
    let open = || {
        let queue = Sqlite::open(&path).unwrap().queue("jobs");
        queue.lease(Duration::from_secs(3)).open().unwrap()
    };
    (open(), open())
}

#[tokio::test]
async fn it_is_what_a_queue_promises() {
    let (dir, count) = (TempDir::new().unwrap(), AtomicUsize::new(0));
    conformance::queue(async || pair::<String>(&dir, &count), &[]).await;
}

#[tokio::test]
async fn it_is_what_its_operator_needs() {
    let (dir, count) = (TempDir::new().unwrap(), AtomicUsize::new(0));
    conformance::admin(async || pair::<String>(&dir, &count)).await;
}

#[tokio::test]
async fn bytes_arrive_as_they_were_sent() {
    let dir = Dir::new();
    let queue: SqliteQueue<Vec<u8>> = Sqlite::open(dir.path())
        .unwrap()
        .queue("jobs")
        .open()
        .unwrap();
    let bodies = [
        vec![],
        vec![0, 255, 0xc3],
        b"text".to_vec(),
        vec![7; 1_000_000],
    ];
    let messages = bodies.iter().cloned().map(Outgoing::new).collect();
    assert!(queue.send(messages).await.unwrap().is_empty());
    let received = queue.receive(Ask::new(10, Duration::ZERO)).await.unwrap();
    let received: Vec<_> = received.into_iter().map(|message| message.body).collect();
    assert!(received == bodies);
}

#[tokio::test]
async fn messages_and_leases_outlive_the_handle() {
    let dir = Dir::new();
    let queue = dir.open();
    queue.send(vec![message("a"), message("b")]).await.unwrap();
    let first = queue.receive(Ask::new(1, Duration::ZERO)).await.unwrap();
    drop(queue);
    let queue = dir.open();
    let second = receive(&queue).await;
    assert_eq!((&*first[0].body, &*second[0].body), ("a", "b"));
    assert_eq!(second.len(), 1, "the other is leased");
    assert_ne!(first[0].id, second[0].id);
    assert!(queue.ack(receipts(&first)).await.unwrap().is_empty());
    assert!(queue.ack(receipts(&second)).await.unwrap().is_empty());
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (0, 0));
}

#[tokio::test]
async fn messages_without_a_name_have_ids_that_no_other_file_has() {
    let (one, other) = (Dir::new(), Dir::new());
    let mut ids = Vec::new();
    for dir in [&one, &other] {
        let queue = dir.open();
        queue.send(vec![message("a")]).await.unwrap();
        ids.push(receive(&queue).await[0].id.clone());
    }
    assert_ne!(ids[0], ids[1], "a journal would take them for one task");
}

#[tokio::test]
async fn stats_tell_what_can_be_received_from_what_cannot() {
    let dir = Dir::new();
    let queue = dir.open();
    let grouped = |text| message(text).group("g");
    let messages = vec![
        message("a"),
        message("b").delay(HOUR),
        grouped("c"),
        grouped("d"),
    ];
    queue.send(messages).await.unwrap();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (2, 2));
    assert_eq!(receive(&queue).await.len(), 2);
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (0, 4));
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_lease_or_delay_for_longer_than_its_length() {
    let dir = Dir::new();
    let lease = Duration::from_secs(1);
    let queue: SqliteQueue = Sqlite::open(dir.path())
        .unwrap()
        .queue("jobs")
        .lease(lease)
        .open()
        .unwrap();
    queue
        .send(vec![message("leased"), message("delayed").delay(lease)])
        .await
        .unwrap();
    assert_eq!(receive(&queue).await.len(), 1);
    // All that is in the file is a day ahead of the clock, as if it had been set back by a day.
    let day = 24 * 3600 * 1000;
    let raw = dir.raw();
    raw.execute(
        "UPDATE brigade_queue SET due = due + ?1, sent = sent + ?1",
        [day],
    )
    .unwrap();
    raw.execute("UPDATE brigade_queue_meta SET clock = clock + ?", [day])
        .unwrap();
    let mut received = Vec::new();
    while received.len() < 2 {
        let more = queue
            .receive(Ask::new(10, Duration::from_secs(10)))
            .await
            .unwrap();
        assert!(!more.is_empty(), "only {received:?} came");
        received.extend(more.into_iter().map(|message| message.body));
    }
    received.sort();
    assert_eq!(received, ["delayed", "leased"]);
}

#[tokio::test]
async fn a_grouped_message_with_a_delay_waits_for_both() {
    let dir = Dir::new();
    let queue = dir.open();
    let second = message("second").group("g").delay(Duration::from_secs(1));
    queue
        .send(vec![message("first").group("g"), second])
        .await
        .unwrap();
    let first = receive(&queue).await;
    queue.ack(receipts(&first)).await.unwrap();
    let second = queue
        .receive(Ask::new(1, Duration::from_secs(20)))
        .await
        .unwrap();
    let seen = second[0].first_seen.elapsed().unwrap();
    assert!(seen >= Duration::from_secs(1), "it came after {seen:?}");
}

#[tokio::test]
async fn what_was_purged_is_told_to_be_gone_and_what_others_have_is_not() {
    let dir = Dir::new();
    let queue = dir.open();
    queue.send(vec![message("a"), message("b")]).await.unwrap();
    let received = receive(&queue).await;
    let delete = "DELETE FROM brigade_queue WHERE body = 'a'";
    dir.raw().execute(delete, []).unwrap();
    let again = "UPDATE brigade_queue SET delivery = delivery + 1";
    dir.raw().execute(again, []).unwrap();
    let unsettled = queue.ack(receipts(&received)).await.unwrap();
    let told: Vec<_> = unsettled.iter().map(Unsettled::is_gone).collect();
    assert_eq!(told, [true, false]);
}

#[tokio::test]
async fn requests_that_wait_are_served_in_one_transaction() {
    let dir = Dir::new();
    let queue = dir.open();
    let raw = dir.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sends =
        futures::future::join_all((0..100).map(|n| queue.send(vec![message(&n.to_string())])));
    let unlock = async {
        // All of them have been asked for by now, since they come first in the join.
        raw.execute_batch("ROLLBACK").unwrap();
    };
    let (sent, ()) = futures::future::join(sends, unlock).await;
    assert!(sent.into_iter().all(|unsent| unsent.unwrap().is_empty()));
    // Those of one transaction are sent at one time.
    let count = "SELECT count(DISTINCT sent), count(*) FROM brigade_queue";
    let (times, all): (i64, i64) = raw
        .query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(all, 100);
    assert!(times <= 3, "{times} transactions for what waited together");
}

#[tokio::test]
async fn a_message_of_another_type_holds_no_other_back() {
    let dir = Dir::new();
    let queue = dir.open();
    let named = |text: &str| message(text).id(text);
    let bad = [
        "blob",
        "not utf-8",
        "head",
        "id",
        "group",
        "sent",
        "group not utf-8",
    ];
    let mut messages: Vec<_> = bad.map(named).into();
    for index in [2, 4, 6] {
        messages[index] = named(bad[index]).group(bad[index]);
    }
    messages.push(named("behind the head").group("head"));
    messages.push(named("both").group("both"));
    messages.push(named("behind both").group("both"));
    messages.push(named("last"));
    queue.send(messages).await.unwrap();
    let raw = dir.raw();
    raw.execute_batch(
        "UPDATE brigade_queue SET body = x'00ff' WHERE id = 'blob' OR id = 'head';
         UPDATE brigade_queue SET body = CAST(x'41ff' AS TEXT) WHERE id = 'not utf-8';
         UPDATE brigade_queue SET id = x'00' WHERE id = 'id';
         UPDATE brigade_queue SET grp = x'00' WHERE id = 'group';
         UPDATE brigade_queue SET grp = CAST(x'41ff' AS TEXT) WHERE id = 'group not utf-8';
         UPDATE brigade_queue SET grp = CAST(x'42ff' AS TEXT) WHERE grp = 'both';
         UPDATE brigade_queue SET body = x'00ff' WHERE id = 'both';
         UPDATE brigade_queue SET sent = 'today' WHERE id = 'sent';",
    )
    .unwrap();
    drop(queue);
    // One at a time, each must pass by those that cannot be read.
    let queue = dir.open();
    let mut received = Vec::new();
    for _ in 0..5 {
        received.extend(queue.receive(Ask::new(1, Duration::ZERO)).await.unwrap());
    }
    let bodies: Vec<_> = received.iter().map(|message| &*message.body).collect();
    // Of what type a group is does not matter.
    assert_eq!(
        bodies,
        [
            "group",
            "group not utf-8",
            "behind the head",
            "behind both",
            "last"
        ]
    );
    assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (0, 0));
    let mut aside = raw
        .prepare("SELECT seq, hex(body), why FROM brigade_queue_set_aside ORDER BY seq")
        .unwrap();
    let aside = aside.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let aside: Vec<(usize, String, String)> = aside.unwrap().map(Result::unwrap).collect();
    let seqs: Vec<_> = aside.iter().map(|(seq, ..)| *seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 6, 9]);
    let kept: Vec<_> = aside[..3].iter().map(|(_, body, _)| &**body).collect();
    assert_eq!(kept, ["00FF", "41FF", "00FF"], "nothing is lost");
    for ((_, _, why), column) in aside
        .iter()
        .zip(["body", "at index", "body", "id", "sent", "body"])
    {
        assert!(why.contains(column), "{why}");
    }
    // Put back as it was, it is set aside again.
    raw.execute_batch(
        "INSERT INTO brigade_queue (seq, queue, sent, due, span, body)
         SELECT seq, queue, sent, 0, 0, body FROM brigade_queue_set_aside WHERE seq = 1",
    )
    .unwrap();
    assert!(receive(&queue).await.is_empty());
}

#[tokio::test]
async fn a_trace_goes_on_to_what_is_sent_for_a_message() {
    let dir = Dir::new();
    let other = Sqlite::open(dir.path()).unwrap().queue("others").open();
    traced::a_trace_goes_on(&dir.open(), &other.unwrap()).await;
}

#[tokio::test]
async fn a_message_that_is_set_aside_keeps_what_it_was_sent_with() {
    let dir = Dir::new();
    let queue = dir.open();
    let sent = message("a").group("g").priority(-7).expires(HOUR);
    queue.send(vec![sent]).await.unwrap();
    let raw = dir.raw();
    raw.execute_batch("UPDATE brigade_queue SET body = x'00ff'")
        .unwrap();
    assert!(receive(&queue).await.is_empty());
    let aside = "SELECT grp, priority, expires - sent FROM brigade_queue_set_aside";
    let aside: (String, i16, i64) = raw
        .query_row(aside, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(aside, ("g".to_owned(), -7, 3_600_000));
}
