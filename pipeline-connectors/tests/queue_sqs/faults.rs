//! A network that cuts answers, a service that throttles and resets.

use std::collections::HashSet;
use std::time::Duration;

use pipeline_connectors::queue::SqsQueue;
use pipeline_runtime::queue::{Ask, Outgoing, Queue as _, QueueError, Unsettled};
use test_servers::Faults;

use crate::{client, message, new, open, receipts, receive};

/// A new queue, and the same through something that makes faults.
async fn behind_faults() -> Option<(SqsQueue, SqsQueue, Faults)> {
    let server = test_servers::ministack()?;
    let faults = Faults::before(server)?;
    let queue = new(&client(&server.url()), "").await;
    let name = queue
        .url()
        .await
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let through = open(&client(&faults.url()), &name).await;
    // Finds the URL before anything goes wrong.
    through.url().await.unwrap();
    Some((queue, through, faults))
}

/// What a source does: tries again what may pass.
async fn persist<T>(attempt: impl AsyncFn() -> Result<T, QueueError>) -> T {
    for _ in 0..100 {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_away(), "{error} is final"),
        }
    }
    panic!("it never succeeds");
}

fn named(count: usize) -> Vec<Outgoing<String>> {
    (0..count)
        .map(|n| message(&n.to_string()).id(n.to_string()))
        .collect()
}

/// Sends forty messages, and those again that were not sent.
async fn send_all(queue: &SqsQueue) {
    let mut left: Vec<_> = (0..40).collect();
    while !left.is_empty() {
        let messages = || left.iter().map(|n| named(40).swap_remove(*n)).collect();
        let unsent = persist(async || queue.send(messages()).await).await;
        assert!(unsent.iter().all(Unsettled::is_away), "{unsent:?}");
        left = unsent.iter().map(|entry| left[entry.index()]).collect();
    }
}

/// Every second request is done, and its answer cut off.
fn cut(operation: &str) -> String {
    format!(
        r#"[{{"service": "sqs", "operation": "{operation}", "sequence": {{"fail": 1, "pass": 1}},
            "response": {{"abort_frac": 0.3}}}}]"#
    )
}

#[tokio::test]
async fn a_send_whose_answer_is_cut_off_is_sent_again_and_nothing_is_lost() {
    let Some((queue, through, faults)) = behind_faults().await else {
        return;
    };
    faults.set(&cut("SendMessageBatch"));
    send_all(&through).await;
    assert!(faults.fired() > 0);
    let (mut ids, mut count) = (HashSet::new(), 0);
    loop {
        let received = receive(&queue, 100).await;
        if received.is_empty() {
            break;
        }
        assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
        count += received.len();
        ids.extend(received.into_iter().map(|message| message.id));
    }
    assert_eq!(ids.len(), 40);
    assert!(
        count > 40,
        "what was sent twice is there twice, under one id"
    );
}

#[tokio::test]
async fn a_receive_whose_answer_is_cut_off_loses_nothing() {
    let Some((queue, through, faults)) = behind_faults().await else {
        return;
    };
    queue.send(named(40)).await.unwrap();
    faults.set(&cut("ReceiveMessage"));
    let mut ids = HashSet::new();
    while ids.len() < 40 {
        let wait = Duration::from_secs(1);
        let received = persist(async || through.receive(Ask::new(10, wait)).await).await;
        assert!(queue.ack(receipts(&received)).await.unwrap().is_empty());
        ids.extend(received.into_iter().map(|message| message.id));
    }
    assert!(faults.fired() > 0);
}

#[tokio::test]
async fn an_ack_whose_answer_is_cut_off_is_an_ack() {
    let Some((queue, through, faults)) = behind_faults().await else {
        return;
    };
    queue.send(named(10)).await.unwrap();
    let mut received = Vec::new();
    while received.len() < 10 {
        received.extend(receive(&queue, 10).await);
    }
    faults.set(&cut("DeleteMessageBatch"));
    let unsettled = persist(async || through.ack(receipts(&received)).await).await;
    assert!(faults.fired() > 0);
    // The SDK has asked again; what is deleted already may be told as a lost lease, never as one to try again.
    assert!(
        unsettled.iter().all(|entry| !entry.is_away()),
        "{unsettled:?}"
    );
    tokio::time::sleep(queue.profile().lease).await;
    assert!(receive(&queue, 10).await.is_empty());
}

#[tokio::test]
async fn throttling_is_an_error_that_may_pass() {
    let Some((queue, through, faults)) = behind_faults().await else {
        return;
    };
    for (code, status) in [
        ("ThrottlingException", 400),
        ("RequestThrottled", 400),
        ("InternalError", 500),
    ] {
        faults.set(&format!(
            r#"[{{"service": "sqs", "error": {{"code": "{code}", "status": {status}}}}}]"#
        ));
        let error = through.send(named(1)).await.unwrap_err();
        assert!(error.is_away(), "{error}");
        assert!(error.to_string().contains(code), "{error}");
    }
    faults.set("[]");
    assert!(through.send(named(1)).await.unwrap().is_empty());
    assert_eq!(receive(&queue, 10).await.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let Some((_, through, faults)) = behind_faults().await else {
        return;
    };
    faults.set(
        r#"[{"service": "sqs", "error": {"code": "AccessDenied", "status": 403, "message": "not for you"}}]"#,
    );
    let error = through
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap_err();
    assert!(!error.is_away());
    let said = error.to_string();
    assert!(
        said.contains("not for you") && said.contains("AccessDenied"),
        "{said}"
    );
}

#[tokio::test]
async fn resets_lose_nothing() {
    let Some((queue, through, faults)) = behind_faults().await else {
        return;
    };
    faults.set(r#"[{"service": "sqs", "probability": 0.3, "reset": true}]"#);
    send_all(&through).await;
    let mut ids = HashSet::new();
    while ids.len() < 40 {
        ids.extend(
            receive(&queue, 100)
                .await
                .into_iter()
                .map(|message| message.id),
        );
    }
}
