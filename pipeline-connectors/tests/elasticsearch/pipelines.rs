//! The sink at the end of pipelines.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue::Outgoing;
use pipeline_connectors::journal;
use pipeline_connectors::sink::elasticsearch;

use super::stub::{Reply, Stub};
use super::{Doc, doc, opened};

#[tokio::test]
async fn what_is_refused_goes_to_the_errors_end_and_the_rest_is_written() {
    let stub = Stub::replying(|_, docs| {
        let statuses = docs
            .iter()
            .map(|(_, doc)| if doc["n"] == 3 { 400 } else { 201 });
        Reply::Each(statuses.collect())
    })
    .await;
    let failed = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&failed);
    let errors = sink::each(move |failure: Failure| {
        notes.lock().expect("no panic").push(failure.to_string());
    });
    let docs = opened(&stub.url());
    let report = pipeline! { [0..10_u64, errors] map(doc), :drive 2 docs }
        .run()
        .await
        .expect("it ends well");
    assert_eq!(
        report.rows.last().map(|row| (row.done, row.failed)),
        Some((9, 1))
    );
    let failed = failed.lock().expect("no panic");
    assert_eq!(failed.len(), 1);
    assert!(failed[0].contains("because of 400"), "{failed:?}");
    assert_eq!(stub.numbers(), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn of_batches_too_each_document_is_acknowledged_or_fails_by_itself() {
    let stub = Stub::replying(|_, docs| {
        let statuses = docs
            .iter()
            .map(|(_, doc)| if doc["n"] == 3 { 400 } else { 201 });
        Reply::Each(statuses.collect())
    })
    .await;
    let messages = queue::memory::<u64>();
    for n in 0..12 {
        messages.put(n).await;
    }
    let deliveries = messages.clone().deliveries();
    let stats = deliveries.stats();
    let errors = sink::each(|failure: Failure<_>| failure.nack(Duration::from_secs(3_600)));
    let docs = opened(&stub.url());
    let running = pipeline! {
        [deliveries, errors]
        push_task(message),
        map(|m| doc(*m.message.body())),
        batch(4),
        :drive docs
    }
    .spawn();
    let done = || {
        let stats = stats.snapshot();
        (stats.acked, stats.nacked)
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while done() != (11, 1) {
        assert!(Instant::now() < deadline, "{:?}", stats.snapshot());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running
        .drain(Duration::from_secs(10))
        .await
        .expect("it ends well");
    assert_eq!(stub.numbers(), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[tokio::test]
async fn while_there_is_no_room_the_pipeline_takes_nothing_more_in() {
    let room = Arc::new(AtomicBool::new(false));
    let opens = Arc::clone(&room);
    let stub = Stub::replying(move |_, docs| {
        if opens.load(SeqCst) {
            Reply::Each(vec![201; docs.len()])
        } else {
            Reply::Status(429, "", String::new())
        }
    })
    .await;
    let docs = opened(&stub.url());
    let stats = docs.stats();
    let running = pipeline! {
        [0..100_000_u64]
        1 map(doc) with { buffer: 10 },
        :drive docs
    }
    .spawn();
    // It fills up, and takes nothing more in while requests are made again.
    let mut before = u64::MAX;
    let mut taken = 0;
    while taken != before {
        before = taken;
        let requests = stats.snapshot().requests;
        while stats.snapshot().requests < requests + 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        taken = running.report().rows[0].done;
    }
    assert!(taken < 50_000, "{taken}");
    assert_eq!(stats.snapshot().written, 0);
    room.store(true, SeqCst);
    let report = running.await.expect("it ends well");
    assert_eq!(report.rows.last().map(|row| row.done), Some(100_000));
    assert_eq!(stub.numbers().len(), 100_000);
}

#[tokio::test]
async fn an_index_that_the_server_refuses_stops_the_pipeline_with_its_reason() {
    let stub = Stub::replying(|_, _| {
        let body =
            r#"{"error":{"type":"index_not_found_exception","reason":"no such index [docs]"}}"#;
        Reply::Status(400, "", body.into())
    })
    .await;
    let docs = opened(&stub.url());
    let ended = pipeline! { [0..10_u64] map(doc), :drive docs }.run().await;
    let failure = ended.expect_err("it stops").to_string();
    assert!(failure.contains("no such index [docs]"), "{failure}");
}

#[tokio::test]
async fn a_sink_may_be_given_json_that_is_made_already() {
    use serde_json::value::RawValue;
    let stub = Stub::replying(|_, _| Reply::Take).await;
    let docs = elasticsearch::<Box<RawValue>>(stub.url()).index("docs");
    let docs = docs.open().expect("it opens");
    let made = |n: u64| {
        let text = serde_json::to_string_pretty(&Doc { n, ..doc(n) }).expect("JSON");
        RawValue::from_string(text).expect("JSON")
    };
    let ran = pipeline! { [0..5_u64] :block map(made), :drive docs }
        .run()
        .await;
    ran.expect("it ends well");
    assert_eq!(stub.numbers(), [0, 1, 2, 3, 4]);
}

/// The ids of what a pipeline writes of three messages, each of which is not heard to be written at first.
async fn ids_of_tasks(batches: bool, id: bool) -> Vec<String> {
    let stub = Stub::replying(|head, _| match head.number {
        0 => Reply::Half(20),
        _ => Reply::Take,
    })
    .await;
    let messages = queue::memory::<u64>();
    for n in 0..3 {
        let message = Outgoing::new(n).id(format!("number {n}"));
        messages.send(vec![message]).await.expect("it is sent");
    }
    let docs = elasticsearch::<Doc>(stub.url()).index("docs");
    let docs = if id {
        docs.id(|doc: &Doc| format!("own {}", doc.n))
    } else {
        docs
    };
    let docs = docs.open().expect("it opens");
    let stats = docs.stats();
    let deliveries = messages.clone().deliveries();
    let running = if batches {
        pipeline! {
            [deliveries, queue::nacks(Duration::ZERO)]
            journal = journal::memory();
            push_task(message),
            map(|m| doc(*m.message.body())),
            batch(3),
            :drive docs
        }
        .spawn()
    } else {
        pipeline! {
            [deliveries, queue::nacks(Duration::ZERO)]
            journal = journal::memory();
            push_task(message),
            map(|m| doc(*m.message.body())),
            :drive docs
        }
        .spawn()
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while stats.snapshot().written < 3 {
        assert!(Instant::now() < deadline, "{:?}", stats.snapshot());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running
        .drain(Duration::from_secs(10))
        .await
        .expect("it ends well");
    let kept = stub.kept.lock().expect("no panic");
    assert!(kept.order.len() > 3, "the first request is sent again");
    let mut ids: Vec<_> = kept.taken.keys().cloned().collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_document_of_a_task_has_its_name_and_is_there_once_however_often_it_is_sent() {
    let of_tasks = [0, 1, 2].map(|n| format!("memory:number {n}"));
    assert_eq!(ids_of_tasks(false, false).await, of_tasks);
    assert_eq!(ids_of_tasks(true, false).await, of_tasks);
    let own = [0, 1, 2].map(|n| format!("own {n}"));
    assert_eq!(ids_of_tasks(false, true).await, own);
}

#[tokio::test]
async fn what_is_a_part_of_a_task_does_not_have_its_name() {
    let stub = Stub::replying(|_, _| Reply::Take).await;
    let messages = queue::memory::<u64>();
    messages.put(5).await;
    let docs = elasticsearch::<Doc>(stub.url()).index("docs");
    let docs = docs.open().expect("it opens");
    let stats = docs.stats();
    let running = pipeline! {
        [messages.clone().deliveries(), queue::nacks(Duration::ZERO)]
        journal = journal::memory();
        push_task(message),
        flat_map(|m| (0..*m.message.body()).map(doc).collect::<Vec<_>>()),
        :drive docs
    }
    .spawn();
    let deadline = Instant::now() + Duration::from_secs(10);
    while stats.snapshot().written < 5 {
        assert!(Instant::now() < deadline, "{:?}", stats.snapshot());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running
        .drain(Duration::from_secs(10))
        .await
        .expect("it ends well");
    assert_eq!(stub.numbers(), [0, 1, 2, 3, 4]);
}
