//! Dead letters in a queue of SQS, and letters that are replayed into one.

use std::time::{Duration, SystemTime};

use brigade::prelude::*;
use brigade::queue::{DeadLetter, DeadLetters as _, Delivery};
use pipeline_connectors::queue::{SqsQueue, dead_letter_queue};

use crate::{client, message, new, receipts, receive};

/// The letter of a message that was given up on so many seconds after 1970.
fn letter(id: &str, original: &str, seconds: u64) -> DeadLetter {
    let mut letter = DeadLetter::new(id, original.into());
    letter.failed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    letter
}

/// Takes what there is, and acknowledges it.
async fn taken(queue: &SqsQueue) -> Vec<(String, String)> {
    let received = receive(queue, 10).await;
    assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
    received
        .into_iter()
        .map(|message| (message.id.to_string(), message.body))
        .collect()
}

async fn send_back(letter: &DeadLetter, queue: &SqsQueue) {
    let sent = queue.send(vec![letter.message().unwrap()]).await;
    assert!(sent.unwrap().is_empty());
}

fn expected(id: &str, body: &str) -> [(String, String); 1] {
    [(id.to_owned(), body.to_owned())]
}

#[tokio::test]
async fn dead_letters_go_to_a_queue_of_sqs_and_are_read_back() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let client = client(&server.url());
    let (orders, dead) = (new(&client, "").await, new(&client, "-dead").await);
    let sent = orders.send(vec![message("plums").id("order 1")]).await;
    assert!(sent.unwrap().is_empty());
    let deliveries = orders.clone().deliveries().wait(Duration::from_secs(1));
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::dead_letters(dead_letter_queue(dead.clone()))]
        // With characters that SQS would not take as they are.
        map(|order: Delivery<String>| Err::<(), _>(format!("no {}\u{0}\u{fffe}\u{ffff}", *order)))?,
        :drive sink::each(|()| {}),
    }
    .spawn();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while stats.snapshot().dead < 1 {
        assert!(tokio::time::Instant::now() < deadline, "it is not dead");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    running.drain(Duration::from_secs(60)).await.unwrap();

    let [(id, body)] = &taken(&dead).await[..] else {
        panic!("there is not one letter");
    };
    assert_eq!(id, "order 1");
    let letter: DeadLetter = serde_json::from_str(body).unwrap();
    assert_eq!((&*letter.id, &*letter.original), ("order 1", &b"plums"[..]));
    assert_eq!(letter.cause, "no plums\u{0}\u{fffe}\u{ffff}");
    send_back(&letter, &orders).await;
    assert_eq!(taken(&orders).await, expected("order 1", "plums"));
}

#[tokio::test]
async fn a_letter_that_is_replayed_at_once_is_stored_again() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let orders = new(&client(&server.url()), ".fifo").await;
    let original = || vec![message("plums").id("order 1")];
    assert!(orders.send(original()).await.unwrap().is_empty());
    let first = receive(&orders, 1).await;
    assert_eq!(first.len(), 1);
    // Its acknowledgement is still under way.
    send_back(&letter("order 1", "plums", 1), &orders).await;
    assert!(orders.ack(receipts(&first)).await.unwrap().is_empty());
    assert_eq!(taken(&orders).await, expected("order 1", "plums"));

    // It fails again, within the same five minutes; whoever replays that does so twice.
    for _ in 0..2 {
        send_back(&letter("order 1", "plums", 2), &orders).await;
    }
    assert_eq!(taken(&orders).await, expected("order 1", "plums"));
    assert!(orders.send(original()).await.unwrap().is_empty());
    assert!(taken(&orders).await.is_empty(), "all else is a duplicate");
}

#[tokio::test]
async fn a_letter_of_a_message_that_had_one_a_moment_ago_is_stored_too() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let dead = new(&client(&server.url()), ".fifo").await;
    let letters = dead_letter_queue(dead.clone());
    for seconds in 1..=2 {
        let letter = letter("order 1", "plums", seconds);
        letters.write(vec![letter.clone()]).await.unwrap();
        let json = serde_json::to_string(&letter).unwrap();
        assert_eq!(taken(&dead).await, expected("order 1", &json));
    }
}

#[tokio::test]
async fn a_letter_that_sqs_can_never_take_is_an_error_that_names_its_message() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let dead = new(&client(&server.url()), "").await;
    let large = "x".repeat(1_048_576);
    let batch = vec![letter("order 1", "plums", 1), letter("order 2", &large, 1)];
    let error = dead_letter_queue(dead.clone()).write(batch).await;
    let said = error.unwrap_err().to_string();
    assert!(
        said.starts_with("the letter of message `order 2` is refused: it has 1048"),
        "{said}"
    );
    assert!(
        said.ends_with("or take the message out of its queue"),
        "{said}"
    );
    assert_eq!(taken(&dead).await.len(), 1, "the other is stored");
}
