//! Rows in one transaction with what they settle: messages of a queue in the same file, or tasks of a journal.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::journal;
use brigade::prelude::*;
use brigade::queue::{DeliveryStats, Outgoing, SqliteQueue};
use brigade::sink::Table;
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A queue with these messages, whose leases are longer than what is done to them here takes.
    async fn queue(&self, file: &str, messages: &[&str]) -> SqliteQueue {
        let queue = Sqlite::open(self.file(file))
            .unwrap()
            .queue("jobs")
            .lease(Duration::from_secs(3));
        let queue = queue.open().unwrap();
        let message = |text: &&str| Outgoing::new((*text).to_owned()).id(*text);
        let unsent = queue.send(messages.iter().map(message).collect()).await;
        assert!(unsent.unwrap().is_empty());
        queue
    }

    fn table(&self, file: &str) -> Table {
        let database = Sqlite::open(self.file(file)).unwrap();
        let table = database.table("rows").column("text", "TEXT NOT NULL");
        table.create().open().unwrap()
    }

    fn rows(&self, file: &str) -> Vec<String> {
        texts(&self.file(file), "SELECT text FROM rows ORDER BY text")
    }

    fn messages(&self, file: &str) -> Vec<String> {
        texts(&self.file(file), "SELECT id FROM brigade_queue ORDER BY id")
    }
}

fn texts(path: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut select = connection.prepare(sql).unwrap();
    let texts = select.query_map([], |row| row.get(0)).unwrap();
    texts.collect::<Result<_, _>>().unwrap()
}

/// Waits until so many deliveries are acknowledged or given back.
async fn resolved(stats: &DeliveryStats, count: u64) {
    let all = async {
        while stats.snapshot().acked + stats.snapshot().nacked < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test]
async fn the_transaction_of_a_row_takes_its_message_out_of_the_queue() {
    let place = Place::new();
    let queue = place.queue("work.db", &["a", "b", "bad"]).await;
    let table = place.table("work.db");
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(3600))]
        // `NULL` is refused by the table.
        map(|message| ((message.as_str() != "bad").then(|| message.to_uppercase()),)),
        :drive rows,
    }
    .spawn();
    resolved(&stats, 3).await;
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows("work.db"), ["A", "B"]);
    assert_eq!(
        place.messages("work.db"),
        ["bad"],
        "nothing of it was written"
    );
    let counts = stats.snapshot();
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (2, 1, 0));
    let sink = report.rows.last().unwrap();
    assert_eq!((sink.done, sink.failed), (2, 1));
    assert_eq!(table.stats().snapshot().inserted, 2);
}

#[tokio::test]
async fn what_came_over_a_link_is_settled_if_it_is_all_of_its_message() {
    for split in [false, true] {
        let place = Place::new();
        let queue = place.queue("work.db", &["a", "b", "c"]).await;
        let rows = queue.settling(&place.table("work.db")).unwrap();
        let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
        let (stats, handed) = (deliveries.stats(), brigade::link::<String>(1));
        let sink = handed.sink();
        let front = if split {
            pipeline! {
                [deliveries]
                flat_map(|message| [message.to_uppercase(), message.to_lowercase()]),
                :drive sink,
            }
            .spawn()
        } else {
            pipeline! { [deliveries] map(|message| message.to_uppercase()), :drive sink }.spawn()
        };
        let behind = pipeline! {
            [handed.input(), queue::nacks(Duration::from_secs(3600))]
            map(|text| (text,)),
            :drive rows,
        }
        .spawn();
        resolved(&stats, 3).await;
        front.drain(PATIENCE).await.unwrap();
        let report = behind.await.unwrap();
        let counts = stats.snapshot();
        let sink = report.rows.last().unwrap();
        if split {
            assert!(place.rows("work.db").is_empty(), "{report}");
            assert_eq!((counts.nacked, sink.done, sink.failed), (3, 0, 6));
        } else {
            assert_eq!(place.rows("work.db"), ["A", "B", "C"]);
            assert_eq!((counts.acked, sink.done, sink.failed), (3, 3, 0));
            assert!(place.messages("work.db").is_empty());
        }
    }
}

/// As if another consumer had it by now.
fn steal(place: &Place, file: &str, message: &str) {
    let connection = rusqlite::Connection::open(place.file(file)).unwrap();
    let steal = "UPDATE brigade_queue SET delivery = delivery + 1 WHERE id = ?1";
    assert_eq!(connection.execute(steal, [message]), Ok(1));
}

#[tokio::test]
async fn nothing_is_written_of_a_message_that_somebody_else_has_and_the_rest_of_its_batch_is() {
    let place = Place::new();
    let queue = place.queue("work.db", &["a", "b", "c"]).await;
    let table = place.table("work.db");
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Arc::new(Semaphore::new(0)));
    let entered = Arc::new(Semaphore::new(0));
    let held = (Arc::clone(&entered), Arc::clone(&gate));
    let running = pipeline! {
        [deliveries]
        use held;
        :async 3 map(async |message| {
            held.0.add_permits(1);
            held.1.acquire().await.unwrap().forget();
            (message.to_uppercase(),)
        }),
        batch(3),
        :drive rows,
    }
    .spawn();
    let _ = tokio::time::timeout(PATIENCE, entered.acquire_many(3))
        .await
        .unwrap();
    steal(&place, "work.db", "b");
    gate.add_permits(3);
    let settled = async {
        while stats.snapshot().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
    assert_eq!(place.rows("work.db"), ["A", "C"]);
    assert_eq!(place.messages("work.db"), ["b"]);
    let counts = stats.snapshot();
    assert_eq!((counts.acked, counts.nacked, counts.lost), (2, 1, 1));
    assert_eq!(table.stats().snapshot().lost, 1);
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn without_messages_there_is_nothing_to_settle_and_nothing_starts() {
    let place = Place::new();
    let queue = place.queue("work.db", &["one"]).await;
    let rows = queue.settling(&place.table("work.db")).unwrap();
    let (failures, told) = (sink::collect(), sink::collect());
    let running = pipeline! {
        [source::iter(["a", "b"]), failures.clone()]
        map(|text| (text.to_owned(),)),
        tee |row| row.0.clone() { :drive told.clone() },
        :drive rows,
    };
    let said = running.run().await.unwrap_err().to_string();
    assert!(said.contains("an input that brings no messages"), "{said}");
    assert!(said.contains("`queue.deliveries()`"), "{said}");
    assert!(
        told.is_empty() && failures.is_empty(),
        "nothing has started"
    );
}

#[tokio::test]
async fn all_rows_of_a_message_are_written_or_none() {
    let place = Place::new();
    let queue = place.queue("work.db", &["one two", "three"]).await;
    let table = place.table("work.db");
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(3600))]
        map(|message| {
            let word = |word: &str| ((word != "two").then(|| word.to_owned()),);
            message.split(' ').map(word).collect::<Vec<_>>()
        }),
        :drive rows,
    }
    .spawn();
    resolved(&stats, 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows("work.db"), ["three"]);
    assert_eq!(place.messages("work.db"), ["one two"]);
}

/// Batches in which nothing is refused are written in another way than those behind one that had something refused.
#[tokio::test]
async fn refused_rows_fail_alone_in_each_batch_and_so_do_none_in_those_between() {
    let place = Place::new();
    let names: Vec<String> = (0..600).map(|number| format!("{number:03}")).collect();
    let messages: Vec<&str> = names.iter().map(String::as_str).collect();
    let queue = place.queue("work.db", &messages).await;
    let table = place.table("work.db");
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let is_bad = |text: &str| text.ends_with('7') && !("200".."400").contains(&text);
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(3600))]
        1 map(move |message| ((!is_bad(&message)).then(|| message.to_string()),)) with { window: 8 },
        :drive rows,
    }
    .spawn();
    resolved(&stats, 600).await;
    running.drain(PATIENCE).await.unwrap();
    let (bad, good): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_bad(name));
    assert_eq!(place.rows("work.db"), good);
    assert_eq!(place.messages("work.db"), bad);
    let counts = table.stats().snapshot();
    assert_eq!((counts.inserted, counts.failed), (560, 40));
}

#[tokio::test]
async fn a_message_of_which_several_items_are_made_cannot_be_settled_and_nothing_starts() {
    let place = Place::new();
    let queue = place.queue("work.db", &["one two"]).await;
    let rows = queue.settling(&place.table("work.db")).unwrap();
    let failure = pipeline! {
        [queue.clone().deliveries()]
        flat_map(|message| message.split(' ').map(|word| (word.to_owned(),)).collect::<Vec<_>>()),
        :drive rows,
    }
    .run()
    .await
    .unwrap_err();
    let Cause::Stopped(brigade::Stop::Invalid(invalid)) = failure.cause() else {
        panic!("{failure}");
    };
    assert_eq!(invalid.option(), "sink");
    assert!(
        invalid
            .to_string()
            .contains("make the rows of a message one item"),
        "{invalid}"
    );
    assert_eq!(place.messages("work.db"), ["one two"]);
}

#[tokio::test]
async fn a_message_of_another_queue_is_not_settled_here_and_is_told_what_to_do() {
    let place = Place::new();
    let (here, elsewhere) = (
        place.queue("work.db", &[]).await,
        place.queue("other.db", &["a"]).await,
    );
    let rows = here.settling(&place.table("work.db")).unwrap();
    let failure = pipeline! {
        [elsewhere.clone().deliveries()]
        map(|message| (message.to_uppercase(),)),
        :drive rows,
    }
    .run()
    .await
    .unwrap_err();
    assert!(
        failure.to_string().contains("journal.completing(&table)"),
        "{failure}"
    );
    assert_eq!(place.rows("work.db"), Vec::<String>::new());
    assert!(here.settling(&place.table("rows.db")).is_err());
}

#[tokio::test]
async fn a_task_is_completed_with_its_row_once_and_only_for_the_delivery_that_began_last() {
    let place = Place::new();
    let queue = place.queue("queue.db", &["a", "b"]).await;
    let journal = Sqlite::open(place.file("work.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let table = place.table("work.db");
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let deliveries = queue.clone().deliveries();
    let stats = deliveries.stats();
    let held = (Arc::clone(&entered), Arc::clone(&gate));
    let (ours, rows) = (journal.clone(), journal.completing(&table).unwrap());
    let running = pipeline! {
        [deliveries]
        journal = ours;
        use held;
        push_task(message),
        :async 2 let upper = async {
            held.0.add_permits(1);
            held.1.acquire().await.unwrap().forget();
            message.to_uppercase()
        }.await,
        map(|m| (m.upper,)),
        :drive rows,
    }
    .spawn();
    let _ = tokio::time::timeout(PATIENCE, entered.acquire_many(2))
        .await
        .unwrap();
    // Another worker has begun `a` meanwhile.
    let begin = journal::Begin {
        task: journal::TaskName::new("sqlite:queue.db/jobs", "a"),
        message: None,
    };
    let begun = journal::Journal::begin(&journal, vec![begin])
        .await
        .unwrap();
    assert!(matches!(begun[0], journal::Begun::Open { .. }));
    gate.add_permits(2);
    let settled = async {
        while stats.snapshot().acked < 1 || stats.snapshot().lost < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
    assert_eq!(place.rows("work.db"), ["B"]);
    assert_eq!(table.stats().snapshot().lost, 1);
    // It is given back after a lease, and done then.
    gate.add_permits(1);
    let again = async {
        while !place.messages("queue.db").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows("work.db"), ["A", "B"]);
}

#[tokio::test]
async fn a_delivery_of_a_task_that_is_done_is_passed_over_and_a_new_message_of_its_id_is_not() {
    let place = Place::new();
    let journal = Sqlite::open(place.file("work.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let table = place.table("work.db");
    let queue = place.queue("queue.db", &["a"]).await;
    let run = async || {
        let (ours, rows) = (journal.clone(), journal.completing(&table).unwrap());
        let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
        let report = pipeline! {
            [deliveries.until_idle()]
            journal = ours;
            push_task(message),
            map(|m| (m.message.to_uppercase(),)),
            :drive rows,
        }
        .run()
        .await
        .unwrap();
        let row = report.rows[1].clone();
        (row.done, row.filtered, row.already_done)
    };
    // As a queue may do that delivers a message again which was acknowledged.
    let connection = rusqlite::Connection::open(place.file("queue.db")).unwrap();
    let keep = "CREATE TABLE kept AS SELECT * FROM brigade_queue";
    connection.execute_batch(keep).unwrap();
    assert_eq!(run().await, (1, 0, 0));
    let back = "INSERT INTO brigade_queue SELECT * FROM kept";
    assert_eq!(connection.execute(back, []), Ok(1));
    assert_eq!(run().await, (0, 1, 1));
    assert_eq!(place.rows("work.db"), ["A"]);
    assert_eq!(place.messages("queue.db"), Vec::<String>::new());
    let new = vec![Outgoing::new("a".to_owned()).id("a")];
    assert!(queue.send(new).await.unwrap().is_empty());
    assert_eq!(run().await, (1, 0, 0));
    assert_eq!(place.rows("work.db"), ["A", "A"], "two messages, two rows");
}

#[tokio::test]
async fn without_a_journal_no_task_is_completed_and_it_says_what_is_missing() {
    let place = Place::new();
    let journal = Sqlite::open(place.file("work.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let rows = journal.completing(&place.table("work.db")).unwrap();
    let failure = pipeline! { [["a"]] map(|text: &str| (text.to_owned(),)), :drive rows }
        .run()
        .await
        .unwrap_err();
    assert!(
        failure.to_string().contains("`journal = journal;`"),
        "{failure}"
    );
    assert_eq!(place.rows("work.db"), Vec::<String>::new());
}
