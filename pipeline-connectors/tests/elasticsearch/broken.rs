//! Connections that end, answers that are none, servers that are not there.

use std::time::Duration;

use brigade::ErrorKind;
use brigade::sink::Sink as _;
use tokio::net::TcpListener;

use super::stub::{Early, Reply, Stub};
use super::{describes, doc, failures, large, opened, write};

#[tokio::test]
async fn a_document_that_is_too_large_fails_alone_where_the_server_closes_while_it_is_sent() {
    let closes =
        |head: &super::stub::Head| (head.length > 1 << 20).then_some(Early::Close(100_000));
    let stub = Stub::start(closes, |_, _| Reply::Take).await;
    let docs = vec![doc(0), large(1, 16 << 20), doc(2), large(3, 900_000)];
    let sink = opened(&stub.url());
    let written = write(&sink, docs).await;
    let failed = failures(&written);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, 1);
    assert!(failed[0].1.contains("may be too large"), "{}", failed[0].1);
    assert_eq!(stub.numbers(), [0, 2, 3]);
}

#[tokio::test]
async fn a_document_that_is_too_large_fails_at_once_where_the_server_answers_while_it_is_sent() {
    let answers =
        |head: &super::stub::Head| (head.length > 1 << 20).then_some(Early::Answer(100_000, 413));
    let stub = Stub::start(answers, |_, _| Reply::Take).await;
    let written = write(
        &opened(&stub.url()),
        vec![doc(0), large(1, 32 << 20), doc(2)],
    )
    .await;
    assert_eq!(failures(&written).len(), 1);
    assert_eq!(stub.numbers(), [0, 2]);
}

#[tokio::test]
async fn a_request_is_halved_where_the_server_closes_while_it_is_sent() {
    let closes = |head: &super::stub::Head| (head.length > 1 << 20).then_some(Early::Close(0));
    let stub = Stub::start(closes, |_, _| Reply::Take).await;
    let docs: Vec<_> = (0..40).map(|n| large(n, 100_000)).collect();
    let written = write(&opened(&stub.url()), docs).await;
    assert!(failures(&written).is_empty());
    assert_eq!(stub.numbers(), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_no_answer_is_asked_for_again() {
    let stub = Stub::replying(|head, _| match head.number {
        0 => Reply::Half(10),
        1 => Reply::Half(70),
        2 => Reply::Says(b"hello\r\n\r\n".to_vec()),
        3 => Reply::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_vec()),
        4 => Reply::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"items\":[]}".to_vec()),
        5 => Reply::Says(Vec::new()),
        _ => Reply::Take,
    })
    .await;
    let written = write(&opened(&stub.url()), vec![doc(1), doc(2)]).await;
    assert!(failures(&written).is_empty());
    assert_eq!(stub.requests(), [2; 7]);
    assert_eq!(stub.numbers(), [1, 2]);
}

#[tokio::test]
async fn a_server_that_answers_too_late_is_asked_again() {
    let stub = Stub::replying(|head, _| match head.number {
        0 => Reply::Silent(Duration::from_secs(60)),
        _ => Reply::Take,
    })
    .await;
    let sink = describes(&stub.url()).timeout(Duration::from_millis(200));
    let written = write(&sink.open().expect("it opens"), vec![doc(1)]).await;
    assert!(failures(&written).is_empty());
    assert_eq!(stub.requests(), [1, 1]);
}

#[tokio::test]
async fn where_nothing_comes_of_anything_for_too_long_the_sink_is_away_and_gives_back_what_is_left()
{
    let stub = Stub::replying(|head, docs| {
        let later = |index: usize| if index < 2 { 201 } else { 429 };
        match head.number {
            0 => Reply::Each((0..docs.len()).map(later).collect()),
            _ => Reply::Each(vec![429; docs.len()]),
        }
    })
    .await;
    let sink = describes(&stub.url()).patience(Duration::from_millis(100));
    let written = sink
        .open()
        .expect("it opens")
        .write((0..5).map(doc).collect())
        .await;
    let error = written.expect_err("it is away");
    assert_eq!(error.kind(), ErrorKind::Away);
    let said = format!(
        "{}, index `docs`: it refuses documents: some_exception: because of 429",
        stub.url()
    );
    assert_eq!(error.to_string(), said);
    let left: Vec<_> = error.items().iter().map(|doc| doc.n).collect();
    assert_eq!(left, [2, 3, 4]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let sink = describes(&format!("http://{address}")).patience(Duration::ZERO);
    let error = sink.open().expect("it opens").write(vec![doc(1)]).await;
    let error = error.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Away);
    let said = format!("http://{address}, index `docs`: it cannot be reached: ");
    assert!(error.to_string().starts_with(&said), "{error}");
    assert!(
        error.to_string().to_lowercase().contains("refused"),
        "{error}"
    );

    let sink = opened(&format!("http://{address}"));
    let stats = sink.stats();
    let (written, stub) = tokio::join!(write(&sink, vec![doc(7)]), async {
        while stats.snapshot().broken < 3 {
            tokio::task::yield_now().await;
        }
        let listener = TcpListener::bind(address).await.expect("the same port");
        Stub::on(listener, |_| None, |_, _| Reply::Take)
    });
    assert!(failures(&written).is_empty());
    assert_eq!(stub.numbers(), [7]);
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_was_closed_meanwhile_is_no_failure() {
    let stub = Stub::replying(|head, _| match head.number {
        1 => Reply::Says(
            b"HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"items\":[{\"index\":{\"status\":201}}]} "
                .to_vec(),
        ),
        _ => Reply::Take,
    })
    .await;
    let sink = opened(&stub.url());
    for n in 0..5 {
        assert!(failures(&write(&sink, vec![doc(n)]).await).is_empty());
    }
    assert_eq!(stub.requests(), [1; 5]);
    assert_eq!(sink.stats().snapshot().broken, 0);
    assert_eq!(sink.stats().snapshot().requests, 5);
}
