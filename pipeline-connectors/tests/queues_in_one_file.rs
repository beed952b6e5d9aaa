//! Several queues in one SQLite file.

#![cfg(feature = "sqlite")]

use std::time::Duration;

use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::queue::SqliteQueue;
use pipeline_runtime::queue::{
    Admin as _, Ask, DeadLetter, DeadLetters as _, Outgoing, Queue, QueueStats, Receipt, Received,
};
use rusqlite::Connection;
use tempfile::TempDir;

struct Two {
    db: Sqlite,
    orders: SqliteQueue,
    reports: SqliteQueue,
    dir: TempDir,
}

impl Two {
    fn open() -> Self {
        let dir = TempDir::new().unwrap();
        let db = Sqlite::open(dir.path().join("work.db")).unwrap();
        Self {
            orders: db.queue("orders").open().unwrap(),
            reports: db.queue("reports").open().unwrap(),
            db,
            dir,
        }
    }
}

async fn send(queue: &SqliteQueue, messages: Vec<Outgoing<String>>) {
    assert!(queue.send(messages).await.unwrap().is_empty());
}

async fn receive(queue: &SqliteQueue) -> Vec<Received<String>> {
    queue.receive(Ask::new(100, Duration::ZERO)).await.unwrap()
}

fn bodies(received: &[Received<String>]) -> Vec<&str> {
    received
        .iter()
        .map(|message| message.body.as_str())
        .collect()
}

fn receipts(received: &[Received<String>]) -> Vec<Receipt> {
    received
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

async fn ready(queue: &SqliteQueue) -> u64 {
    let QueueStats { ready, .. } = queue.stats().await.unwrap();
    ready
}

#[tokio::test]
async fn each_has_its_own_messages_ids_groups_and_duplicates() {
    let two = Two::open();
    let messages = |queue: &str| {
        let message = |text: &str| Outgoing::new(format!("{text} of {queue}"));
        vec![
            message("named").id("a"),
            message("told apart").id("b").dedup("b of today"),
            message("first").group("g"),
            message("second").group("g"),
        ]
    };
    for _ in 0..2 {
        send(&two.orders, messages("orders")[..2].to_vec()).await;
        send(&two.reports, messages("reports")[..2].to_vec()).await;
    }
    send(&two.orders, messages("orders")[2..].to_vec()).await;
    send(&two.reports, messages("reports")[2..].to_vec()).await;
    for (queue, name) in [(&two.orders, "orders"), (&two.reports, "reports")] {
        let expected = ["named", "told apart", "first"].map(|text| format!("{text} of {name}"));
        let received = receive(queue).await;
        assert_eq!(bodies(&received), expected);
        assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
        let next = receive(queue).await;
        assert_eq!(bodies(&next), [format!("second of {name}")]);
        assert!(queue.ack(receipts(&next)).await.unwrap().is_empty());
    }
    assert_eq!(*two.orders.name(), *"sqlite:work.db/orders");
    assert_ne!(two.orders.name(), two.reports.name());
}

#[tokio::test]
async fn a_clock_that_is_set_back_begins_the_delays_of_all_of_them_anew() {
    let two = Two::open();
    let later = |text: &str| vec![Outgoing::new(text.to_owned()).delay(Duration::from_millis(100))];
    send(&two.orders, later("order")).await;
    send(&two.reports, later("report")).await;
    // As if a day had passed since then, and the clock was set back.
    let raw = Connection::open(two.dir.path().join("work.db")).unwrap();
    let day = 24 * 3600 * 1000;
    raw.execute("UPDATE brigade_queue SET due = due + ?1", [day])
        .unwrap();
    raw.execute("UPDATE brigade_queue_meta SET clock = clock + ?1", [day])
        .unwrap();
    for (queue, body) in [(&two.orders, "order"), (&two.reports, "report")] {
        let received = queue
            .receive(Ask::new(1, Duration::from_secs(10)))
            .await
            .unwrap();
        assert_eq!(bodies(&received), [body]);
    }
}

#[tokio::test]
async fn a_queue_is_known_by_its_name_when_it_is_opened_again() {
    let two = Two::open();
    send(&two.reports, vec![Outgoing::new("a".to_owned())]).await;
    let path = two.db.path().to_owned();
    drop((two.orders, two.reports, two.db));
    let db = Sqlite::open(path).unwrap();
    let other: SqliteQueue<Vec<u8>> = db.queue("other").open().unwrap();
    let reports: SqliteQueue = db.queue("reports").open().unwrap();
    assert_eq!(bodies(&receive(&reports).await), ["a"]);
    assert_eq!(other.stats().await.unwrap().ready, 0);
    let orders = db.queue::<Vec<u8>>("orders").open();
    let kind = orders.unwrap_err().kind;
    assert_eq!(kind, OpenErrorKind::Bodies("text".to_owned()));
}

#[tokio::test]
async fn a_letter_beside_them_goes_back_to_the_queue_that_it_is_sent_to() {
    let two = Two::open();
    let letters = two.db.letters().open().unwrap();
    let letter = DeadLetter::new("plums", b"12 plums".to_vec());
    letters.write(vec![letter]).await.unwrap();
    let replayed = letters.replay(&two.reports).run().await.unwrap();
    assert_eq!(replayed.sent, 1);
    assert_eq!(
        (ready(&two.orders).await, ready(&two.reports).await),
        (0, 1)
    );
    assert_eq!(letters.count().await.unwrap(), 0);
}
