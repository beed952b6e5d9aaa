//! What is sent: alone, and in transactions of others.

use std::time::{Duration, Instant};

use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{Ask, Outgoing, Queue as _};

use crate::support::{
    client, database, indexes, message, name, new_database, open, put, receipts, receive, texts,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_in_a_transaction_is_there_exactly_when_that_is() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let queue = open(&database(server).await, &name).await;
    let elsewhere = open(&database(server).await, &name).await;
    let mut user = client(&server.url("postgres")).await;
    let undone = user.transaction().await.unwrap();
    queue
        .send_in(&undone, vec![message("undone").id("1")])
        .await
        .unwrap();
    undone.rollback().await.unwrap();
    let begun = user.transaction().await.unwrap();
    queue
        .send_in(&begun, vec![message("done").id("1")])
        .await
        .unwrap();
    assert!(
        receive(&elsewhere, 2 * SECOND).await.is_empty(),
        "it is not committed"
    );
    begun.commit().await.unwrap();
    // Nobody was woken: it is found all the same.
    let committed = Instant::now();
    let received = receive(&elsewhere, 10 * SECOND).await;
    assert_eq!(texts(&received), ["done"]);
    assert!(
        committed.elapsed() < 3 * SECOND,
        "it came after {:?}",
        committed.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_elsewhere_is_told_from_one_of_the_queues_database() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let queue = open(&database(server).await, &name()).await;
    let other = new_database(server, "UTF8").await;
    let without = client(&server.url(&other)).await;
    let with = pipeline_connectors::database::Postgres::connect(server.url(&other))
        .await
        .unwrap();
    for there in [false, true] {
        if there {
            let _: PostgresQueue = open(&with, "orders").await;
        }
        let mut user = client(&server.url(&other)).await;
        let transaction = user.transaction().await.unwrap();
        let error = queue
            .send_in(&transaction, vec![message("1")])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    drop(without);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgres_cannot_keep_is_refused_alone() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let db = database(server).await;
    let queue = open(&db, &name()).await;
    let long = "x".repeat(1025);
    let messages = vec![
        message("a"),
        message("a NUL\0"),
        message("b").id("\0"),
        message("c").group("g\0"),
        message("d").id("d").dedup("\0"),
        message("e").id(&*long),
        message("f").id("f"),
    ];
    let refused = queue.send(messages).await.unwrap();
    assert_eq!(indexes(&refused), [1, 2, 3, 4, 5]);
    for entry in &refused {
        assert_eq!(entry.kind(), ErrorKind::Refused);
    }
    assert!(refused[0].to_string().contains("NUL"), "{}", refused[0]);
    let received = receive(&queue, SECOND).await;
    assert_eq!(texts(&received), ["a", "f"]);
    // The longest names there may be, of letters that nothing can be saved of.
    let random = |length| -> String { (0..length).map(|_| fastrand::alphanumeric()).collect() };
    let longest = message("g")
        .id(random(1024))
        .dedup(random(1024))
        .group(random(1024));
    put(&queue, vec![longest]).await;
    assert_eq!(texts(&receive(&queue, SECOND).await), ["g"]);
    let bytes: PostgresQueue<Vec<u8>> = open(&db, &name()).await;
    bytes
        .send(vec![Outgoing::new(vec![0, 0xff])])
        .await
        .unwrap();
    let received = bytes.receive(Ask::new(1, SECOND)).await.unwrap();
    assert_eq!(received[0].body, [0, 0xff]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_holds_up_no_other() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let queue = open(&database(server).await, &name).await;
    let raw = client(&server.url("postgres")).await;
    let number = "SELECT queue FROM brigade.queue_name WHERE name = $1";
    let number: i32 = raw.query_one(number, &[&name]).await.unwrap().get(0);
    let foreign = "INSERT INTO brigade.queue (queue, state, grp, priority, bytes) VALUES ($1, 0, 'g', -7, '\\xff')";
    raw.execute(foreign, &[&number]).await.unwrap();
    put(&queue, vec![message("behind it").group("g")]).await;
    assert_eq!(texts(&receive(&queue, 5 * SECOND).await), ["behind it"]);
    let aside = "SELECT bytes, why, priority FROM brigade.set_aside WHERE queue = $1";
    let aside = raw.query_one(aside, &[&number]).await.unwrap();
    assert_eq!(aside.get::<_, Vec<u8>>(0), [0xff]);
    assert!(aside.get::<_, String>(1).contains("utf-8"));
    assert_eq!(aside.get::<_, i16>(2), -7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_sends_wakes_who_waits() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let queue = open(&database(server).await, &name).await;
    let elsewhere = open(&database(server).await, &name).await;
    // Ten, so that not all of them can be found by a look each second.
    let mut slow = 0;
    for n in 0..10 {
        let waiting = receive(&elsewhere, 20 * SECOND);
        let sending = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            put(&queue, vec![message(&n.to_string())]).await;
            Instant::now()
        };
        let (received, sent) = tokio::join!(waiting, sending);
        assert_eq!(texts(&received), [n.to_string()]);
        elsewhere.ack(receipts(&received)).await.unwrap();
        slow += usize::from(sent.elapsed() > Duration::from_millis(400));
    }
    assert!(slow < 10, "notifications are not heard");
}
