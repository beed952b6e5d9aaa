//! Groups under those who race.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::queue::Queue as _;

use crate::support::{client, database, message, name, open, put, receipts, receive, texts, until};

const COUNT: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_under_racing_senders_and_consumers_never_overlaps_or_sticks() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let done = Arc::new(AtomicUsize::new(0));
    let busy = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for sender in 0..4 {
        let queue: PostgresQueue = open(&database(server).await, &name).await;
        tasks.push(tokio::spawn(async move {
            for n in 0..COUNT / 4 {
                put(&queue, vec![message(&format!("{sender} {n}")).group("g")]).await;
            }
            Vec::new()
        }));
    }
    for _ in 0..4 {
        let queue: PostgresQueue = open(&database(server).await, &name).await;
        let (done, busy) = (Arc::clone(&done), Arc::clone(&busy));
        tasks.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while done.load(Ordering::SeqCst) < COUNT {
                let received = receive(&queue, Duration::from_millis(100)).await;
                if received.is_empty() {
                    continue;
                }
                assert_eq!(received.len(), 1, "two of a group at once");
                assert!(!busy.swap(true, Ordering::SeqCst), "it overlaps");
                tokio::task::yield_now().await;
                busy.store(false, Ordering::SeqCst);
                let unsettled = queue.ack(receipts(&received)).await.unwrap();
                assert!(unsettled.is_empty(), "{unsettled:?}");
                done.fetch_add(1, Ordering::SeqCst);
                seen.extend(received.into_iter().map(|message| message.body));
            }
            seen
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        let seen = tokio::time::timeout(crate::support::PATIENCE, task).await;
        all.extend(seen.expect("a group is stuck").unwrap());
    }
    let different: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (COUNT, COUNT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_with_messages_of_a_group_holds_nobody_up() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let queue = open(&database(server).await, &name()).await;
    let second = Duration::from_secs(1);
    put(
        &queue,
        vec![message("1").group("g"), message("2").group("g")],
    )
    .await;
    let mut user = client(&server.url("postgres")).await;
    let open = user.transaction().await.unwrap();
    let sent = queue.send_in(
        &open,
        vec![message("3").group("g"), message("4").group("h")],
    );
    assert!(sent.await.unwrap().is_empty());
    for text in ["1", "2"] {
        let received = receive(&queue, second).await;
        assert_eq!(texts(&received), [text]);
        assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
    }
    put(&queue, vec![message("5").group("g")]).await;
    let five = receive(&queue, second).await;
    assert_eq!(
        texts(&five),
        ["5"],
        "what is not committed is not waited for"
    );
    open.commit().await.unwrap();
    queue.wake();
    // The group is busy, the other one is not.
    assert_eq!(texts(&receive(&queue, second).await), ["4"]);
    assert!(queue.ack(receipts(&five)).await.unwrap().is_empty());
    assert_eq!(texts(&receive(&queue, second).await), ["3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_what_an_open_transaction_has_sent_waits_and_nobody_else_does() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let queue = open(&database(server).await, &name()).await;
    put(&queue, vec![message("1")]).await;
    let held = receive(&queue, Duration::from_secs(1)).await;
    let mut user = client(&server.url("postgres")).await;
    let open = user.transaction().await.unwrap();
    queue
        .send_in(&open, vec![message("a").id("a")])
        .await
        .unwrap();
    let again = queue.clone();
    let waiting = tokio::spawn(async move { again.send(vec![message("b").id("a")]).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'brigade' AND wait_event_type = 'Lock'";
    let outside = client(&server.url("postgres")).await;
    until("it waits", async || {
        outside
            .query_one(waits, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            > 0
    })
    .await;
    let lease = Duration::from_secs(60);
    assert!(
        queue
            .extend(receipts(&held), lease)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(queue.ack(receipts(&held)).await.unwrap().is_empty());
    assert!(!waiting.is_finished(), "it has not waited");
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.is_away(), "it may succeed later: {error}");
    open.commit().await.unwrap();
    put(&queue, vec![message("b").id("a")]).await;
    assert_eq!(
        texts(&receive(&queue, Duration::from_secs(1)).await),
        ["a"],
        "the second is a duplicate"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_whose_consumer_dies_between_the_ack_and_the_next_goes_on() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let queue = open(&database(server).await, &name).await;
    put(
        &queue,
        vec![message("1").group("g"), message("2").group("g")],
    )
    .await;
    let received = receive(&queue, Duration::from_secs(1)).await;
    assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
    // It is gone, and nobody has looked who is next.
    drop(queue);
    let other = open(&database(server).await, &name).await;
    let mut next = Vec::new();
    until("the next comes", async || {
        next = receive(&other, Duration::ZERO).await;
        !next.is_empty()
    })
    .await;
    assert_eq!(texts(&next), ["2"]);
}
