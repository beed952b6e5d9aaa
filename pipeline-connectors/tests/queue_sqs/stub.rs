//! Batches of which SQS refuses some entries: no server does that when it is asked to, so a small one of our own does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use pipeline_connectors::queue;
use pipeline_runtime::queue::{Ask, Queue as _, Receipt, Unsettled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{client, message};

/// Answers every request with the same body. Returns its URL.
async fn answering(body: &'static str) -> String {
    serving(move |_| Some(body.to_owned())).await
}

/// Answers each request, by its number from 0, or leaves it without an answer. Returns its URL.
async fn serving(body: impl Fn(usize) -> Option<String> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (body, requests) = (Arc::new(body), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (body, requests) = (Arc::clone(&body), Arc::clone(&requests));
            tokio::spawn(answer(stream, move || body(requests.fetch_add(1, SeqCst))));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, body: impl Fn() -> Option<String>) {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if rest.len() < length.map_or(0, |length| length.parse().unwrap()) {
            continue;
        }
        let Some(body) = body() else {
            return std::future::pending().await;
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        request.clear();
    }
}

/// Of ten entries a request, the third is at fault itself, the fifth not.
const SOME_FAIL: &str = r#"{"Successful": [], "Failed": [
    {"Id": "2", "SenderFault": true, "Code": "ReceiptHandleIsInvalid", "Message": "expired"},
    {"Id": "4", "SenderFault": false, "Code": "InternalError"}
]}"#;

fn told(unsettled: &[Unsettled]) -> Vec<(usize, bool, String)> {
    unsettled
        .iter()
        .map(|entry| (entry.index(), entry.is_away(), entry.to_string()))
        .collect()
}

#[tokio::test]
async fn failed_entries_are_told_by_their_place_in_the_whole_batch() {
    let url = answering(SOME_FAIL).await;
    let queue = queue::sqs(format!("{url}/1/orders"))
        .client(client(&url))
        .open()
        .await;
    let lost = "SQS refuses: expired (ReceiptHandleIsInvalid)";
    let passing = "SQS refuses: InternalError";
    let expected = [(2, lost), (4, passing), (12, lost), (14, passing)]
        .map(|(index, said)| (index, said == passing, said.to_owned()));
    let receipts: Vec<_> = (0..15).map(|n| Receipt(n.to_string().into())).collect();
    let messages = (0..15).map(|n| message(&n.to_string())).collect();
    assert_eq!(told(&queue.ack(receipts.clone()).await.unwrap()), expected);
    let nacked = queue.nack(receipts.clone(), Duration::ZERO).await.unwrap();
    assert_eq!(told(&nacked), expected);
    let extended = queue
        .extend(receipts, Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(told(&extended), expected);
    assert_eq!(told(&queue.send(messages).await.unwrap()), expected);
}

#[tokio::test]
async fn entries_of_a_send_are_counted_with_those_that_are_refused_before() {
    let url = answering(SOME_FAIL).await;
    let queue = queue::sqs(format!("{url}/1/orders"))
        .client(client(&url))
        .open()
        .await;
    // The second is not sent, so the entries behind it are one less in the request.
    let messages = ["a", "", "c", "d", "e", "f"].map(message).into();
    let indexes: Vec<_> = queue
        .send(messages)
        .await
        .unwrap()
        .iter()
        .map(Unsettled::index)
        .collect();
    assert_eq!(indexes, [1, 3, 5]);
}

/// The second receive asks twice at a time; these of all requests are not answered.
async fn brings_all_when(hanging: &'static [usize]) {
    let url = serving(move |number| {
        let message =
            |n| format!(r#"{{"MessageId": "{n}", "ReceiptHandle": "{n}", "Body": "{n}"}}"#);
        let messages: Vec<_> = (0..10).map(message).collect();
        let answer = format!(r#"{{"Messages": [{}]}}"#, messages.join(", "));
        (!hanging.contains(&number)).then_some(answer)
    })
    .await;
    let queue = queue::sqs(format!("{url}/1/orders"))
        .client(client(&url))
        .lease(Duration::from_secs(1))
        .open()
        .await;
    for _ in 0..2 {
        let received = queue.receive(Ask::new(20, Duration::ZERO));
        let received = tokio::time::timeout(Duration::from_secs(10), received).await;
        assert_eq!(received.expect("it is given up").unwrap().len(), 10);
    }
}

#[tokio::test]
async fn a_request_that_hangs_keeps_back_nothing_that_others_bring() {
    brings_all_when(&[2]).await;
}

#[tokio::test]
async fn a_queue_that_does_not_answer_is_not_taken_for_an_empty_one() {
    brings_all_when(&[1, 2]).await;
}
