//! Rows in one transaction with what they settle: messages of a queue in the same database, or tasks of a journal.

use std::sync::Arc;
use std::time::Duration;

use brigade::journal::{Begin, Begun, Journal as _, TaskName};
use brigade::prelude::*;
use brigade::queue::{Admin as _, Delivery, DeliveryStats};
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;
use pipeline_connectors::sink::PostgresTable;
use test_servers::Cluster;
use tokio::sync::Semaphore;

use crate::support::{PATIENCE, Place, client, database, message, name, open, put, receive, until};

impl Place {
    /// A queue with these messages.
    async fn queue(&self, messages: &[&str]) -> PostgresQueue {
        let queue = open(&self.db, &self.name).await;
        let messages = messages.iter().map(|text| message(text).id(*text));
        put(&queue, messages.collect()).await;
        queue
    }

    async fn table(&self) -> PostgresTable {
        let table = self.db.table(&self.name).column("text", "text NOT NULL");
        table.create().open().await.unwrap()
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn rows(&self) -> Vec<String> {
        let sql = format!("SELECT text FROM \"{}\" ORDER BY text", self.name);
        self.texts(&sql).await
    }

    async fn messages(&self) -> Vec<String> {
        let sql = format!(
            "SELECT id FROM brigade.queue JOIN brigade.queue_name n USING (queue) WHERE n.name = '{}' ORDER BY id",
            self.name
        );
        self.texts(&sql).await
    }

    /// As if another consumer had it by now.
    async fn steal(&self, id: &str) {
        let steal = format!(
            "UPDATE brigade.queue q SET token = token + 1 FROM brigade.queue_name n
            WHERE n.queue = q.queue AND n.name = '{}' AND id = '{id}'",
            self.name
        );
        assert_eq!(self.client.execute(&steal, &[]).await.unwrap(), 1);
    }
}

/// Waits until so many deliveries are acknowledged or given back.
async fn resolved(stats: &DeliveryStats, count: u64) {
    until("deliveries are settled", async || {
        stats.snapshot().acked + stats.snapshot().nacked >= count
    })
    .await;
}

#[tokio::test]
async fn the_transaction_of_a_row_takes_its_message_out_of_the_queue() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["a", "b", "bad"]).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(3600))]
        // `NULL` is refused by the table.
        map(|message: Delivery<String>| ((message.as_str() != "bad").then(|| message.to_uppercase()),)),
        :drive rows,
    }
    .spawn();
    resolved(&stats, 3).await;
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await, ["A", "B"]);
    assert_eq!(place.messages().await, ["bad"], "nothing of it was written");
    let counts = stats.snapshot();
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (2, 1, 0));
    let sink = report.rows.last().unwrap();
    assert_eq!((sink.done, sink.failed), (2, 1));
    assert_eq!(table.stats().snapshot().inserted, 2);
}

#[tokio::test]
async fn nothing_is_written_of_a_message_that_somebody_else_has_and_the_rest_of_its_batch_is() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["a", "b", "c"]).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Arc::new(Semaphore::new(0)));
    let entered = Arc::new(Semaphore::new(0));
    let held = (Arc::clone(&entered), Arc::clone(&gate));
    let running = pipeline! {
        [deliveries]
        use held;
        :async 3 map(async |message: Delivery<String>| {
            held.0.add_permits(1);
            held.1.acquire().await.unwrap().forget();
            (message.to_uppercase(),)
        }),
        batch(3),
        :drive rows,
    }
    .spawn();
    let all = tokio::time::timeout(PATIENCE, entered.acquire_many(3)).await;
    all.unwrap().unwrap().forget();
    place.steal("b").await;
    gate.add_permits(3);
    until("all are settled", async || stats.snapshot().in_flight == 0).await;
    assert_eq!(place.rows().await, ["A", "C"]);
    assert_eq!(place.messages().await, ["b"]);
    let counts = stats.snapshot();
    assert_eq!((counts.acked, counts.lost), (2, 1), "{counts:?}");
    assert_eq!(table.stats().snapshot().lost, 1);
    running.drain(PATIENCE).await.unwrap();
}

/// What a batch makes is one item of several messages: here one that only the sum of them is left of.
#[tokio::test]
async fn an_item_of_several_messages_is_written_if_all_of_them_are_its_own() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["a", "b", "c", "d"]).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Arc::new(Semaphore::new(0)));
    let (entered, held) = (Arc::new(Semaphore::new(0)), Arc::clone(&gate));
    let told = Arc::clone(&entered);
    let running = pipeline! {
        [deliveries]
        use held;
        use told;
        batch(2),
        :async 2 map(async |messages: Vec<Delivery<String>>| {
            told.add_permits(1);
            held.acquire().await.unwrap().forget();
            (messages.iter().map(|message| message.to_uppercase()).collect::<String>(),)
        }),
        batch(2),
        :drive rows,
    }
    .spawn();
    let all = tokio::time::timeout(PATIENCE, entered.acquire_many(2)).await;
    all.unwrap().unwrap().forget();
    place.steal("b").await;
    gate.add_permits(2);
    until("those of the second are settled", async || {
        stats.snapshot().acked == 2
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await, ["CD"]);
    assert_eq!(place.messages().await, ["a", "b"]);
}

#[tokio::test]
async fn all_rows_of_a_message_are_written_or_none_and_the_row_at_fault_is_told() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["one two three", "four"]).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let told = sink::collect();
    let running = pipeline! {
        [deliveries, told.clone()]
        map(|message: Delivery<String>| {
            let word = |word: &str| ((word != "three").then(|| word.to_owned()),);
            message.split(' ').map(word).collect::<Vec<_>>()
        }),
        :drive rows,
    }
    .spawn();
    until("one is written and one fails", async || {
        stats.snapshot().acked >= 1 && !told.is_empty()
    })
    .await;
    // As long as it is held, what becomes of its message is not decided.
    let failed: Vec<_> = told.take().iter().map(ToString::to_string).collect();
    assert!(failed[0].contains("text = NULL"), "{failed:?}");
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await, ["four"]);
}

#[tokio::test]
async fn refused_rows_fail_alone_in_each_batch_and_so_do_none_in_those_between() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let names: Vec<String> = (0..600).map(|number| format!("{number:03}")).collect();
    let messages: Vec<&str> = names.iter().map(String::as_str).collect();
    let queue = place.queue(&messages).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
    let stats = deliveries.stats();
    let is_bad = |text: &str| text.ends_with('7') && !("200".."400").contains(&text);
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(3600))]
        1 map(move |message: Delivery<String>| ((!is_bad(&message)).then(|| message.to_string()),)) with { window: 64 },
        :drive rows,
    }
    .spawn();
    resolved(&stats, 600).await;
    running.drain(PATIENCE).await.unwrap();
    let (bad, good): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_bad(name));
    assert_eq!(place.rows().await, good);
    assert_eq!(place.messages().await, bad);
    let counts = table.stats().snapshot();
    assert_eq!((counts.inserted, counts.failed), (560, 40));
}

#[tokio::test]
async fn a_group_goes_on_at_once_behind_a_message_that_is_settled() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&[]).await;
    let messages = (0..20).map(|n| message(&format!("{n:02}")).group("g"));
    put(&queue, messages.collect()).await;
    let table = place.table().await;
    let rows = queue.settling(&table).unwrap();
    let deliveries = queue.clone().deliveries().wait(Duration::from_secs(20));
    let begun = std::time::Instant::now();
    let running = pipeline! {
        [deliveries]
        map(|message: Delivery<String>| (message.to_string(),)),
        :drive rows,
    }
    .spawn();
    until("all are written", async || {
        table.stats().snapshot().inserted == 20
    })
    .await;
    let all = begun.elapsed();
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await.len(), 20);
    assert!(
        all < Duration::from_secs(15),
        "one in a look each second: {all:?}"
    );
}

#[tokio::test]
async fn a_message_of_another_queue_is_not_settled_here_and_is_told_what_to_do() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let elsewhere = Postgres::at(test_servers::postgres().unwrap().url("postgres"));
    let elsewhere = elsewhere.schema(format!("other_{:016x}", fastrand::u64(..)));
    let elsewhere = elsewhere.connect().await.unwrap();
    let other = open::<String>(&elsewhere, "jobs").await;
    put(&other, vec![message("a")]).await;
    let (queue, table) = (place.queue(&[]).await, place.table().await);
    let rows = queue.settling(&table).unwrap();
    let failure = pipeline! {
        [other.clone().deliveries()]
        map(|message: Delivery<String>| (message.to_uppercase(),)),
        :drive rows,
    }
    .run()
    .await
    .unwrap_err();
    assert!(
        failure.to_string().contains("journal.completing(&table)"),
        "{failure}"
    );
    assert_eq!(place.rows().await, Vec::<String>::new());
    let error = other.settling(&table).unwrap_err().to_string();
    assert!(error.contains("from one `Postgres`"), "{error}");
}

#[tokio::test]
async fn a_task_is_completed_with_its_row_once_and_only_for_the_delivery_that_began_last() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["a", "b"]).await;
    let journal = place.db.journal().open().await.unwrap();
    let table = place.table().await;
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
    let all = tokio::time::timeout(PATIENCE, entered.acquire_many(2)).await;
    all.unwrap().unwrap().forget();
    // Another worker has begun `a` meanwhile.
    let scope = format!("postgres:postgres/{}", place.name);
    let task = TaskName::new(&*scope, "a");
    let begin = Begin {
        task,
        message: None,
    };
    let begun = journal.begin(vec![begin]).await.unwrap();
    assert!(matches!(begun[0], Begun::Open { .. }));
    gate.add_permits(2);
    until("one is done and one lost", async || {
        let counts = stats.snapshot();
        counts.acked >= 1 && counts.lost >= 1
    })
    .await;
    assert_eq!(place.rows().await, ["B"]);
    assert_eq!(table.stats().snapshot().lost, 1);
    // It is given back after a lease, and done then.
    gate.add_permits(1);
    until("the other is done", async || {
        place.messages().await.is_empty()
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await, ["A", "B"]);
}

#[tokio::test]
async fn a_delivery_of_a_task_whose_rows_are_there_writes_none_again() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let journal = place.db.journal().open().await.unwrap();
    let (queue, table) = (place.queue(&["a"]).await, place.table().await);
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
    let kept = format!("kept_{:016x}", fastrand::u64(..));
    let keep = format!(
        "CREATE TABLE {kept} AS SELECT q.* FROM brigade.queue q JOIN brigade.queue_name n USING (queue) WHERE n.name = '{}'",
        place.name
    );
    place.client.batch_execute(&keep).await.unwrap();
    assert_eq!(run().await, (1, 0, 0));
    let back = format!("INSERT INTO brigade.queue SELECT * FROM {kept}");
    place.client.batch_execute(&back).await.unwrap();
    assert_eq!(run().await, (0, 1, 1));
    assert_eq!(place.rows().await, ["A"]);
    put(&queue, vec![message("a").id("a")]).await;
    assert_eq!(run().await, (1, 0, 0));
    assert_eq!(place.rows().await, ["A", "A"], "two messages, two rows");
}

#[tokio::test]
async fn without_a_journal_no_task_is_completed_and_it_says_what_is_missing() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let journal = place.db.journal().open().await.unwrap();
    let rows = journal.completing(&place.table().await).unwrap();
    let failure = pipeline! { [["a"]] map(|text: &str| (text.to_owned(),)), :drive rows }
        .run()
        .await
        .unwrap_err();
    assert!(
        failure.to_string().contains("`journal = journal;`"),
        "{failure}"
    );
    assert_eq!(place.rows().await, Vec::<String>::new());
}

/// How many messages there are.
const COUNT: usize = 3_000;

/// Consumers that settle each message with its row, or that complete its task with it, while the server is killed: the
/// table has no key, so that a row which is written twice is there twice.
async fn each_row_is_there_once(completes: bool) {
    let Some(server) = Cluster::new() else { return };
    let place = Place::of(&server, name()).await;
    let queue = place.queue(&[]).await;
    let all: Vec<String> = (0..COUNT).map(|n| format!("{n:04}")).collect();
    put(&queue, all.iter().map(|text| message(text)).collect()).await;
    let journal = place.db.journal().open().await.unwrap();
    let table = place.table().await;
    let consume = || {
        let deliveries = queue.clone().deliveries().wait(Duration::from_secs(1));
        if completes {
            let (ours, rows) = (journal.clone(), journal.completing(&table).unwrap());
            pipeline! {
                [deliveries]
                journal = ours;
                push_task(message),
                1 map(|m| (m.message.to_string(),)) with { window: 64 },
                :drive rows,
            }
            .spawn()
        } else {
            let rows = queue.settling(&table).unwrap();
            pipeline! {
                [deliveries]
                push_task(message),
                1 map(|m| (m.message.to_string(),)) with { window: 64 },
                :drive rows,
            }
            .spawn()
        }
    };
    let running = [consume(), consume()];
    for count in [300, 1_000, 2_000] {
        until("rows are written", async || {
            table.stats().snapshot().inserted >= count
        })
        .await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.resume();
    }
    until("nothing is left", async || {
        let stats = queue.stats().await;
        stats.is_ok_and(|stats| stats.total() == 0)
    })
    .await;
    for running in running {
        running.drain(PATIENCE).await.unwrap();
    }
    let client = client(&server.url("postgres")).await;
    assert_eq!(Place { client, ..place }.rows().await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_3000_messages_has_each_row_that_settles_one_once() {
    each_row_is_there_once(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_3000_tasks_has_each_row_that_completes_one_once() {
    each_row_is_there_once(true).await;
}

/// The lock is that of a program that is stopped in the middle of its transaction.
#[tokio::test]
async fn a_message_whose_row_waits_for_a_lock_keeps_its_lease() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue = place.queue(&["a"]).await;
    let table = place
        .db
        .table(&place.name)
        .column("text", "text")
        .key(["text"]);
    let table = table.ignore().create().open().await.unwrap();
    let rows = queue.settling(&table).unwrap();
    let block = format!("BEGIN; INSERT INTO \"{}\" VALUES ('A')", place.name);
    place.client.batch_execute(&block).await.unwrap();
    let deliveries = queue.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        map(|message: Delivery<String>| (message.to_uppercase(),)),
        :drive rows,
    }
    .spawn();
    let server = test_servers::postgres().unwrap();
    let other = open::<String>(&database(server).await, &place.name).await;
    // Longer than a lease.
    let waits = receive(&other, 2 * crate::support::LEASE).await;
    assert!(waits.is_empty(), "{waits:?}");
    place.client.batch_execute("ROLLBACK").await.unwrap();
    resolved(&stats, 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(place.rows().await, ["A"]);
    assert_eq!(stats.snapshot().lost, 0);
}
