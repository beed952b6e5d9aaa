//! Queues of SQS, against two servers that speak its protocol, and through faults.

#![cfg(feature = "sqs")]

mod admin;
mod faults;
mod letters;
mod limits;
mod pipelines;
mod stub;
#[path = "../common/traced.rs"]
mod traced;

use std::time::Duration;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_sqs::{Client, Config};
use pipeline_connectors::conformance::{self, Lacks};
use pipeline_connectors::queue::{self, SqsQueue};
use pipeline_runtime::queue::{Ask, Outgoing, Queue, Receipt, Received};

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

async fn make(client: &Client, name: &str) {
    let mut request = client.create_queue().queue_name(name);
    if name.strip_suffix(".fifo").is_some() {
        request = request.attributes(QueueAttributeName::FifoQueue, "true");
    }
    request.send().await.unwrap();
}

async fn open(client: &Client, name: &str) -> SqsQueue {
    let queue = queue::sqs(name).client(client.clone());
    queue.lease(Duration::from_secs(3)).open().await
}

/// A new queue of a name that no other test uses.
async fn new(client: &Client, suffix: &str) -> SqsQueue {
    let name = format!("test-{:016x}{suffix}", fastrand::u64(..));
    make(client, &name).await;
    open(client, &name).await
}

fn message(text: &str) -> Outgoing<String> {
    Outgoing::new(text.to_owned())
}

async fn receive(queue: &SqsQueue, max: usize) -> Vec<Received<String>> {
    queue
        .receive(Ask::new(max, Duration::from_secs(1)))
        .await
        .unwrap()
}

async fn put(queue: &SqsQueue, texts: impl IntoIterator<Item = String>) {
    let messages = texts.into_iter().map(Outgoing::new).collect();
    let unsent = queue.send(messages).await.unwrap();
    assert!(unsent.is_empty(), "{unsent:?}");
}

fn receipts(received: &[Received<String>]) -> Vec<Receipt> {
    received
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

/// Two clients of a new queue, for the tests that every queue must pass.
async fn pair(url: &str, suffix: &str) -> (SqsQueue, SqsQueue) {
    let name = format!("test-{:016x}{suffix}", fastrand::u64(..));
    let (one, other) = (client(url), client(url));
    make(&one, &name).await;
    (open(&one, &name).await, open(&other, &name).await)
}

/// SQS itself takes an acknowledgement that is made again; the servers here refuse its receipt.
const STANDARD: [Lacks; 6] = [
    Lacks::Deduplication,
    Lacks::Groups,
    Lacks::Gone,
    Lacks::Kinds,
    Lacks::Priorities,
    Lacks::Expiry,
];

const FIFO: [Lacks; 5] = [
    Lacks::Delays,
    Lacks::Gone,
    Lacks::Kinds,
    Lacks::Priorities,
    Lacks::Expiry,
];

#[tokio::test]
async fn a_standard_queue_of_ministack_is_what_a_queue_promises() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    conformance::queue(async || pair(&server.url(), "").await, &STANDARD).await;
}

#[tokio::test]
async fn a_fifo_queue_of_ministack_is_what_a_queue_promises() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let make = async || pair(&server.url(), ".fifo").await;
    conformance::queue(make, &FIFO).await;
}

#[tokio::test]
async fn a_standard_queue_of_moto_is_what_a_queue_promises() {
    let Some(server) = test_servers::moto() else {
        return;
    };
    let lacks = [&STANDARD[..], &[Lacks::LostLeases]].concat();
    conformance::queue(async || pair(&server.url(), "").await, &lacks).await;
}
