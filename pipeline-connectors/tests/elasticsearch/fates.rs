//! What becomes of documents, one by one.

use std::time::{Duration, Instant};

use brigade::sink::Sink as _;

use super::stub::{Reply, Stub};
use super::{describes, doc, failures, large, opened, write};

#[tokio::test]
async fn each_document_has_a_result_of_its_own() {
    let stub = Stub::replying(|_, docs| {
        let odd = docs
            .iter()
            .map(|(_, doc)| doc["n"].as_u64().unwrap_or(0) % 2 == 1);
        Reply::Each(odd.map(|odd| if odd { 400 } else { 201 }).collect())
    })
    .await;
    let written = write(&opened(&stub.url()), (0..6).map(doc).collect()).await;
    let failed = failures(&written);
    let places: Vec<_> = failed.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, [1, 3, 5]);
    assert_eq!(
        failed[0].1,
        "the document `1` of index `docs`: some_exception: because of 400"
    );
    assert_eq!(stub.numbers(), [0, 2, 4]);
    assert_eq!(stub.requests(), [6]);
}

#[tokio::test]
async fn documents_for_which_there_is_no_room_are_sent_again_and_no_others() {
    let stub = Stub::replying(|head, docs| match head.number {
        0 => Reply::Each(vec![201, 429, 201, 503, 400]),
        1 => Reply::Each(vec![201, 429]),
        _ => Reply::Each(vec![201; docs.len()]),
    })
    .await;
    let sink = opened(&stub.url());
    let written = write(&sink, (0..5).map(doc).collect()).await;
    assert_eq!(failures(&written)[0].0, 4);
    assert_eq!(stub.requests(), [5, 2, 1]);
    let order = stub.kept.lock().expect("no panic").order.clone();
    let order: Vec<_> = order.iter().map(|doc| doc["n"].as_u64()).collect();
    assert_eq!(order, [0, 2, 1, 3].map(Some));
    let stats = sink.stats().snapshot();
    let counts = (stats.requests, stats.written, stats.failed, stats.again);
    assert_eq!(counts, (3, 4, 1, 3));
}

#[tokio::test]
async fn a_request_for_which_there_is_no_room_is_sent_again_after_the_pause_that_is_asked_for() {
    let stub = Stub::replying(|head, _| match head.number {
        0 => Reply::Status(429, "retry-after: 1\r\n", String::new()),
        1 => Reply::Status(503, "", "<html>no</html>".into()),
        _ => Reply::Take,
    })
    .await;
    let sink = opened(&stub.url());
    let (one, other) = tokio::join!(write(&sink, vec![doc(1)]), async {
        // It begins when the server has said that it does not want to be asked.
        while sink.stats().snapshot().again == 0 {
            tokio::task::yield_now().await;
        }
        write(&sink, vec![doc(2)]).await
    });
    assert!(failures(&one).is_empty() && failures(&other).is_empty());
    assert_eq!(stub.numbers(), [1, 2]);
    let kept = stub.kept.lock().expect("no panic");
    let times: Vec<Instant> = kept.requests.iter().map(|(time, ..)| *time).collect();
    assert!(
        times[1] - times[0] >= Duration::from_millis(950),
        "{times:?}"
    );
    assert_eq!(times.len(), 4);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_and_so_are_those_after_it() {
    let stub = Stub::replying(|head, _| match head.length {
        0..40_000 => Reply::Take,
        _ => Reply::Status(413, "", String::new()),
    })
    .await;
    let sink = opened(&stub.url());
    let docs: Vec<_> = (0..16).map(|n| large(n, 10_000)).collect();
    let written = write(&sink, docs.clone()).await;
    assert!(failures(&written).is_empty());
    assert_eq!(stub.numbers(), (0..16).collect::<Vec<_>>());
    assert_eq!(stub.requests()[..3], [16, 8, 4]);
    let halved = sink.stats().snapshot().halved;
    let written = write(&sink, docs).await;
    assert!(failures(&written).is_empty());
    assert_eq!(sink.stats().snapshot().halved, halved);
}

#[tokio::test]
async fn a_document_that_is_too_large_fails_alone() {
    let stub = Stub::replying(|head, _| match head.length {
        0..40_000 => Reply::Take,
        _ => Reply::Status(413, "", "too much".into()),
    })
    .await;
    let mut docs: Vec<_> = (0..5).map(doc).collect();
    docs.insert(2, large(9, 50_000));
    let written = write(&opened(&stub.url()), docs).await;
    let failed = failures(&written);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, 2);
    let why = "the document `9` of index `docs`: of 50";
    assert!(failed[0].1.starts_with(why), "{}", failed[0].1);
    assert!(failed[0].1.contains("takes no request so large"));
    assert_eq!(stub.numbers(), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn requests_have_at_most_the_bytes_that_are_set_and_what_is_larger_is_alone() {
    let stub = Stub::replying(|_, _| Reply::Take).await;
    let sink = describes(&stub.url()).max_bytes(5_000).open();
    let mut docs: Vec<_> = (0..10).map(|n| large(n, 1_000)).collect();
    docs.insert(5, large(99, 20_000));
    let written = write(&sink.expect("it opens"), docs).await;
    assert!(failures(&written).is_empty());
    assert_eq!(stub.requests(), [4, 1, 1, 4, 1]);
}

#[tokio::test]
async fn of_a_batch_the_parts_fail() {
    let stub = Stub::replying(|_, docs| {
        let statuses = docs
            .iter()
            .map(|(_, doc)| if doc["n"] == 3 { 400 } else { 201 });
        Reply::Each(statuses.collect())
    })
    .await;
    let batches = vec![vec![doc(1), doc(2)], vec![], vec![doc(3), doc(4)]];
    let written = opened(&stub.url())
        .write(batches)
        .await
        .expect("it is there");
    assert_eq!(failures(&written)[0].0, 2);
    assert_eq!(stub.numbers(), [1, 2, 4]);
}
