//! Those who take their time, and those who are many.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use brigade::prelude::*;

use super::client::{SOON, TOKEN, comes, get, raw, request};
use crate::Page;

/// Opens a connection that looks at all that happens, and gives its status.
fn looks(to: SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let asks = request("GET", "/api/events", &["Host: localhost", &bearer], "");
    stream.write_all(asks.as_bytes()).unwrap();
    let mut status = [0; 12];
    let _ = stream.read_exact(&mut status);
    (stream, String::from_utf8_lossy(&status).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_hold_up_neither_pipeline_nor_page() {
    let (items, input) = tokio::sync::mpsc::channel(10);
    let out = sink::collect();
    let running =
        pipeline! { [input] 1 map(|n: u64| n) with { name: "one" }, :drive out.clone(), }.spawn();
    let served = Page::new()
        .watch("one", &running)
        .token(TOKEN)
        .serve("127.0.0.1:0")
        .await
        .unwrap();
    // So many at the same time as a process may have by default.
    for _ in 0..4 {
        let silent: Vec<_> = (0..250)
            .filter_map(|_| TcpStream::connect(served.address()).ok())
            .collect();
        assert!(silent.len() > 64);
        for n in 0..10 {
            items.send(n).await.unwrap();
        }
    }
    comes(|| {
        TcpStream::connect(served.address()).is_ok_and(|_| get(&served, "/healthz").status == 200)
    })
    .await;
    drop(items);
    running.await.unwrap();
    assert_eq!(out.take().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_never_read_are_bounded_and_cost_the_pipeline_nothing() {
    let (items, input) = tokio::sync::mpsc::channel(10);
    let out = sink::collect();
    let running =
        pipeline! { [input] 1 map(|n: u64| n) with { name: "one" }, :drive out.clone(), }.spawn();
    let served = Page::new()
        .watch("one", &running)
        .token(TOKEN)
        .serve("127.0.0.1:0")
        .await
        .unwrap();
    let stuck: Vec<_> = (0..16).map(|_| looks(served.address())).collect();
    assert!(stuck.iter().all(|(_, status)| status == "HTTP/1.1 200"));
    assert_eq!(looks(served.address()).1, "HTTP/1.1 503");
    for n in 0..1_000 {
        items.send(n).await.unwrap();
    }
    drop(items);
    running.await.unwrap();
    assert_eq!(out.take(), (0..1_000).collect::<Vec<_>>());
    // Who has vanished leaves his place to others.
    drop(stuck);
    comes(|| looks(served.address()).1 == "HTTP/1.1 200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_what_he_wants_is_gone_in_five_seconds() {
    let served = Page::new().token(TOKEN).serve("127.0.0.1:0").await.unwrap();
    let begun = Instant::now();
    let address = served.address();
    let head = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let body = std::thread::spawn(move || {
        let bearer = format!("Authorization: Bearer {TOKEN}");
        let lines = [
            "Host: localhost",
            &bearer,
            "Content-Type: application/json",
            "Content-Length: 9",
        ];
        raw(
            address,
            &request("POST", "/api/pipelines/x/stages/y/count", &lines, ""),
        )
        .status
    });
    head.join().unwrap();
    assert_eq!(body.join().unwrap(), 408);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_head_or_a_body_that_is_too_large_is_refused() {
    let served = Page::new().token(TOKEN).serve("127.0.0.1:0").await.unwrap();
    let long = format!("X-Long: {}", "x".repeat(40_000));
    let head = raw(
        served.address(),
        &request("GET", "/", &["Host: localhost", &long], ""),
    );
    assert!(head.status == 431 || head.status == 0, "{}", head.status);
    let body = format!(r#"{{"n": 1, "x": "{}"}}"#, "x".repeat(5_000));
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let lines = ["Host: localhost", &bearer, "Content-Type: application/json"];
    let body = raw(
        served.address(),
        &request("POST", "/api/pipelines/x/stages/y/count", &lines, &body),
    );
    assert_eq!(body.status, 413);
}
