//! What SQS allows, and what it does by itself.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use pipeline_connectors::queue;
use pipeline_runtime::queue::{Ask, Queue};

use crate::{client, message, new, open, put, receipts, receive};

#[tokio::test]
async fn a_batch_is_cut_where_it_has_as_many_bytes_as_sqs_takes() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    let texts: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|text| text.repeat(400_000))
        .into();
    put(&queue, texts.clone()).await;
    let mut bodies = HashSet::new();
    while bodies.len() < texts.len() {
        bodies.extend(
            receive(&queue, 10)
                .await
                .into_iter()
                .map(|message| message.body),
        );
    }
    assert!(texts.iter().all(|text| bodies.contains(text)));
}

#[tokio::test]
async fn a_message_that_sqs_does_not_take_fails_alone_and_is_final() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    let large = "x".repeat(1_048_577);
    let messages = vec![
        message("a"),
        message(&large),
        message("b"),
        message("\u{1}"),
    ];
    let refused = queue.send(messages).await.unwrap();
    let told: Vec<_> = refused
        .iter()
        .map(|entry| (entry.index(), entry.is_away(), entry.to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (
                1,
                false,
                "it has 1048577 bytes, and SQS takes up to 1048576".to_owned()
            ),
            (
                3,
                false,
                "it has the character '\\u{1}', which SQS would replace; encode the body"
                    .to_owned()
            ),
        ]
    );
    let mut bodies = HashSet::new();
    while bodies.len() < 2 {
        bodies.extend(
            receive(&queue, 10)
                .await
                .into_iter()
                .map(|message| message.body),
        );
    }
    assert_eq!(bodies, HashSet::from(["a".to_owned(), "b".to_owned()]));
}

#[tokio::test]
async fn a_delay_longer_than_sqs_hides_a_message_is_cut() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    put(&queue, ["a".to_owned()]).await;
    let received = receive(&queue, 1).await;
    let week = Duration::from_secs(7 * 24 * 3600);
    for unsettled in [
        queue.extend(receipts(&received), week).await,
        queue.nack(receipts(&received), week).await,
    ] {
        assert!(unsettled.unwrap().is_empty());
    }
}

#[tokio::test]
async fn more_requests_are_made_while_there_is_much() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    put(&queue, (0..200).map(|n| n.to_string())).await;
    let (mut sizes, mut bodies) = (Vec::new(), HashSet::new());
    while bodies.len() < 200 {
        let received = receive(&queue, 1000).await;
        assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
        sizes.push(received.len());
        bodies.extend(received.into_iter().map(|message| message.body));
    }
    assert_eq!(sizes[..4], [10, 20, 40, 80], "each doubles the one before");
}

#[tokio::test]
async fn the_redrive_of_a_queue_works_as_it_is_configured() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let client = client(&server.url());
    let (queue, dead) = (new(&client, "").await, new(&client, "-dead").await);
    let attributes = client
        .get_queue_attributes()
        .queue_url(dead.url().await.unwrap())
        .attribute_names(QueueAttributeName::QueueArn);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    let arn = &attributes[&QueueAttributeName::QueueArn];
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"2"}}"#);
    let set = client
        .set_queue_attributes()
        .queue_url(queue.url().await.unwrap())
        .attributes(QueueAttributeName::RedrivePolicy, policy);
    set.send().await.unwrap();
    assert!(
        queue
            .send(vec![message("a").id("order 1")])
            .await
            .unwrap()
            .is_empty()
    );
    for count in 1..=2 {
        let received = receive(&queue, 1).await;
        assert_eq!(received[0].receive_count, count);
        queue
            .nack(receipts(&received), Duration::ZERO)
            .await
            .unwrap();
    }
    assert!(
        receive(&queue, 1).await.is_empty(),
        "it was received too often"
    );
    let received = receive(&dead, 1).await;
    assert_eq!((&*received[0].id, &*received[0].body), ("order 1", "a"));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_final_and_one_that_comes_later_is_found() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let client = client(&server.url());
    let name = format!("late-{:016x}", fastrand::u64(..));
    let queue = open(&client, &name).await;
    let error = queue
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap_err();
    assert!(!error.is_away());
    assert_eq!(
        error.to_string(),
        "SQS refuses: The specified queue does not exist. (AWS.SimpleQueueService.NonExistentQueue)"
    );
    crate::make(&client, &name).await;
    put(&queue, ["a".to_owned()]).await;
    assert_eq!(receive(&queue, 1).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_pass() {
    // Nobody listens there: the port is of this very process, and not for listening.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let queue = queue::sqs("orders").client(client(&url)).open().await;
    let error = queue
        .receive(Ask::new(1, Duration::from_secs(1)))
        .await
        .unwrap_err();
    assert!(error.is_away());
    let said = error.to_string();
    assert!(said.starts_with("SQS cannot be reached: "), "{said}");
    assert!(said.contains("Connection refused"), "{said}");
}
