//! A TCP listener: lines in pieces, disconnects, fairness, back-pressure.

#![cfg(feature = "tcp")]

mod common;

use std::collections::HashMap;
use std::net::SocketAddr;

use common::{drain_all, eventually, numbered};
use futures::FutureExt;
use pipeline_connectors::conformance;
use pipeline_connectors::source::{LastLine, LineErrorKind, Tcp, tcp};
use pipeline_runtime::source::{Flow, Line, Pulled, Source};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn listen(connections: u64) -> (Tcp, SocketAddr) {
    let source = tcp("127.0.0.1:0").connections(connections);
    let source = source.bind().await.unwrap();
    let address = source.local_addr();
    (source, address)
}

async fn send(address: SocketAddr, bytes: &[u8]) -> SocketAddr {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let local = stream.local_addr().unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    local
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn a_line_that_arrives_in_pieces_is_one_line() {
    let (mut source, address) = listen(1).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.set_nodelay(true).unwrap();
    peer.write_all(b"first\nsec").await.unwrap();
    let mut out = Pulled::new();
    source.pull(10, &mut out).await.unwrap();
    assert_eq!(texts(out.items()), ["first"]);
    for piece in [&b"o"[..], b"n", b"d\r", b"\n"] {
        let mut none = Pulled::new();
        assert!(source.pull(10, &mut none).now_or_never().is_none());
        peer.write_all(piece).await.unwrap();
    }
    let mut out = Pulled::new();
    source.pull(10, &mut out).await.unwrap();
    assert_eq!(texts(out.items()), ["second"]);
    let line = &out.items()[0];
    assert_eq!(*line.origin, *peer.local_addr().unwrap().to_string());
    assert_eq!((line.number, line.offset), (2, 6));
}

#[tokio::test]
async fn carriage_returns_and_empty_lines_are_understood() {
    let (mut source, address) = listen(1).await;
    send(address, b"one\r\n\r\n\ntwo\n").await;
    let mut out = Pulled::new();
    while let Flow::More = source.pull(10, &mut out).await.unwrap() {}
    assert_eq!(texts(out.items()), ["one", "two"]);
    assert_eq!(out.skipped(), 2);
}

#[tokio::test]
async fn a_half_sent_line_at_disconnect_is_a_failure_with_peer_and_place() {
    let (source, address) = listen(2).await;
    let half = send(address, b"whole\nhal").await;
    send(address, b"other\n").await;
    let (lines, failures) = drain_all(source).await;
    assert_eq!(texts(&lines), ["whole", "other"]);
    let error = failures[0].line.as_ref().unwrap();
    assert_eq!(error.kind, LineErrorKind::CutOff);
    assert_eq!(error.bytes, b"hal");
    assert_eq!(failures[0].place.to_string(), format!("{half}:2 (byte 6)"));
    assert_eq!(failures.len(), 1);
}

#[tokio::test]
async fn bad_lines_fail_with_their_place_and_the_connection_goes_on() {
    let source = tcp("127.0.0.1:0").connections(1).line_limit(5);
    let source = source.bind().await.unwrap();
    send(source.local_addr(), b"123456\n\xFF\nok\n").await;
    let (lines, failures) = drain_all(source).await;
    assert_eq!(texts(&lines), ["ok"]);
    let kinds: Vec<_> = failures
        .iter()
        .map(|failure| failure.line.as_ref().unwrap().kind)
        .collect();
    assert_eq!(
        kinds,
        [LineErrorKind::TooLong(5), LineErrorKind::NotUtf8(0)]
    );
    assert_eq!(failures[1].place.offset, Some(7));
}

#[tokio::test]
async fn the_largest_limits_are_no_limits() {
    let source = tcp("127.0.0.1:0").connections(1);
    let source = source.line_limit(usize::MAX).byte_bound(usize::MAX);
    let mut source = source.bind().await.unwrap();
    send(source.local_addr(), b"one\ntwo\n").await;
    let mut out = Pulled::new();
    while let Flow::More = source.pull(usize::MAX, &mut out).await.unwrap() {}
    assert_eq!(texts(out.items()), ["one", "two"]);
}

async fn reset(address: SocketAddr, bytes: &[u8]) {
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(bytes).await.unwrap();
    peer.set_zero_linger().unwrap();
}

#[tokio::test]
async fn a_reset_is_the_failure_of_its_own_connection_only() {
    let (mut source, address) = listen(2).await;
    let mut other = TcpStream::connect(address).await.unwrap();
    let mut broken = TcpStream::connect(address).await.unwrap();
    broken.write_all(b"line\n").await.unwrap();
    let mut out = Pulled::new();
    source.pull(10, &mut out).await.unwrap();
    broken.set_zero_linger().unwrap();
    drop(broken);
    let mut out = Pulled::new();
    source.pull(10, &mut out).await.unwrap();
    assert_eq!(out.failures().len(), 1);
    other.write_all(b"still here\n").await.unwrap();
    drop(other);
    let (lines, failures) = drain_all(source).await;
    assert_eq!(texts(&lines), ["still here"]);
    assert!(failures.is_empty());
}

#[tokio::test]
async fn a_connection_that_ends_before_its_first_byte_is_nothing() {
    let (source, address) = listen(3).await;
    let stats = source.stats();
    reset(address, b"").await;
    drop(TcpStream::connect(address).await.unwrap());
    send(address, b"line\n").await;
    let (lines, failures) = drain_all(source).await;
    assert_eq!(texts(&lines), ["line"]);
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(stats.snapshot().closed, 3);
}

#[tokio::test]
async fn a_last_line_without_an_end_is_emitted_if_that_is_asked_for_and_the_peer_has_closed() {
    let source = tcp("127.0.0.1:0").connections(2).last_line(LastLine::Emit);
    let mut source = source.bind().await.unwrap();
    let address = source.local_addr();
    let mut broken = TcpStream::connect(address).await.unwrap();
    broken.write_all(b"line\nhal").await.unwrap();
    let mut out = Pulled::new();
    source.pull(10, &mut out).await.unwrap();
    // What came of the second line is taken in before the reset throws it away.
    assert!(source.pull(10, &mut Pulled::new()).now_or_never().is_none());
    broken.set_zero_linger().unwrap();
    drop(broken);
    let closed = send(address, b"whole\nlast").await;
    let (lines, failures) = drain_all(source).await;
    assert_eq!(texts(&lines), ["whole", "last"]);
    assert_eq!(lines[1].place().to_string(), format!("{closed}:2 (byte 6)"));
    assert_eq!(failures.len(), 1);
    let error = failures[0].line.as_ref().unwrap();
    assert_eq!(
        (error.kind, &error.bytes[..]),
        (LineErrorKind::CutOff, &b"hal"[..])
    );
}

#[tokio::test]
async fn a_port_in_use_is_said_so() {
    let (_source, address) = listen(1).await;
    let error = tcp(address).bind().await.unwrap_err().to_string();
    let start = format!("cannot listen on {address}: the port is in use; stop the program");
    assert!(error.starts_with(&start), "{error}");
    let error = tcp("no port").bind().await.unwrap_err().to_string();
    assert!(error.contains("`host:port`"), "{error}");
}

/// Peers differ from connection to connection: this compares only what they sent.
struct Texts(Tcp);
impl Source for Texts {
    type Item = String;
    async fn pull(
        &mut self,
        max: usize,
        out: &mut Pulled<String>,
    ) -> Result<Flow, pipeline_runtime::source::SourceError> {
        let mut lines = Pulled::new();
        let flow = self.0.pull(max, &mut lines).await;
        for line in lines.take_items() {
            out.push(line.text);
        }
        flow
    }
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_source() {
    let text = numbered("line", 50);
    let expected: Vec<String> = text.lines().map(String::from).collect();
    let make = async || {
        let (source, address) = listen(1).await;
        send(address, text.as_bytes()).await;
        Texts(source)
    };
    conformance::source(make, &expected).await;
}

#[tokio::test]
async fn connections_are_read_in_turn_by_buffer() {
    const PEERS: u64 = 20;
    const TURN: i64 = 32 * 1024;
    let (mut source, address) = listen(PEERS).await;
    let text = "x".repeat(99) + "\n";
    let sent = text.repeat(600);
    let mut senders = Vec::new();
    for _ in 0..PEERS {
        senders.push(send(address, sent.as_bytes()).await);
    }
    // All is in the sockets now, so that everybody is ready at every turn.
    let mut got: HashMap<_, i64> = HashMap::new();
    loop {
        let mut out = Pulled::new();
        let flow = source.pull(1000, &mut out).await.unwrap();
        for line in out.items() {
            *got.entry(line.origin.clone()).or_default() += 100;
        }
        let most = got.values().max().copied().unwrap_or(0);
        let least = match got.len() as u64 {
            PEERS => got.values().min().copied().unwrap(),
            _ => 0,
        };
        assert!(most - least <= TURN + 100, "{got:?}");
        if flow == Flow::End {
            break;
        }
    }
    assert!(got.values().all(|bytes| *bytes == 60_000), "{got:?}");
}

#[tokio::test]
async fn a_slow_pipeline_slows_the_sender_down_through_the_socket() {
    const BOUND: usize = 100_000;
    let source = tcp("127.0.0.1:0").connections(1).byte_bound(BOUND);
    let mut source = source.bind().await.unwrap();
    let mut peer = TcpStream::connect(source.local_addr()).await.unwrap();
    let sender = tokio::spawn(async move {
        let text = ("x".repeat(99) + "\n").repeat(1000);
        for _ in 0..200 {
            peer.write_all(text.as_bytes()).await.unwrap();
        }
    });
    let mut held = Vec::new();
    let mut taken = 0;
    let mut refused = 0;
    while refused < 1000 {
        let mut out = Pulled::new();
        if source.pull(50, &mut out).now_or_never().is_none() {
            refused += 1;
            tokio::task::yield_now().await;
        }
        taken += out.items().len() * 100;
        held.push(out);
        assert!(taken <= BOUND, "{taken} bytes are in the first stage");
    }
    assert!(taken > BOUND / 2);
    assert!(!sender.is_finished(), "20 MB do not fit into the sockets");
    held.clear();
    let (lines, failures) = drain_all(source).await;
    assert!(failures.is_empty());
    assert_eq!(taken / 100 + lines.len(), 200_000);
    sender.await.unwrap();
}

#[tokio::test]
async fn lines_longer_than_the_bound_pass_from_many_connections() {
    let source = tcp("127.0.0.1:0").connections(5).byte_bound(1000);
    let source = source.bind().await.unwrap();
    let address = source.local_addr();
    let long = "x".repeat(100_000) + "\n";
    let senders: Vec<_> = (0..5)
        .map(|_| {
            let text = long.repeat(3);
            tokio::spawn(async move { send(address, text.as_bytes()).await })
        })
        .collect();
    let (lines, failures) = drain_all(source).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(lines.len(), 15);
    assert!(lines.iter().all(|line| line.text.len() == 100_000));
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn an_unfinished_line_of_one_peer_does_not_stop_the_others() {
    let source = tcp("127.0.0.1:0").connections(2).byte_bound(1000);
    let mut source = source.bind().await.unwrap();
    let mut stuck = TcpStream::connect(source.local_addr()).await.unwrap();
    stuck.write_all(&[b'x'; 5000]).await.unwrap();
    let mut none = Pulled::new();
    assert!(source.pull(10, &mut none).now_or_never().is_none());
    send(source.local_addr(), "line\n".repeat(1000).as_bytes()).await;
    let mut lines = 0;
    while lines < 1000 {
        let mut out = Pulled::new();
        source.pull(10, &mut out).await.unwrap();
        lines += out.items().len();
    }
}

#[tokio::test]
async fn hundreds_of_connections_come_and_go() {
    const PEERS: u64 = 300;
    let (source, address) = listen(PEERS).await;
    let stats = source.stats();
    let senders: Vec<_> = (0..PEERS)
        .map(|peer| {
            let text = numbered(&peer.to_string(), 100);
            tokio::spawn(async move { send(address, text.as_bytes()).await })
        })
        .collect();
    let (lines, failures) = drain_all(source).await;
    assert!(failures.is_empty());
    let mut next: HashMap<_, u64> = HashMap::new();
    for line in &lines {
        let next = next.entry(&line.origin).or_default();
        let (_, n) = line.text.split_once(' ').unwrap();
        assert_eq!(
            n.parse::<u64>().unwrap(),
            *next,
            "each peer's lines in order"
        );
        *next += 1;
    }
    assert_eq!(lines.len() as u64, PEERS * 100);
    for sender in senders {
        sender.await.unwrap();
    }
    let counts = stats.snapshot();
    assert_eq!((counts.accepted, counts.closed), (PEERS, PEERS));
}

#[tokio::test]
async fn dropping_the_source_closes_listener_and_connections() {
    use tokio::io::AsyncReadExt;
    let (mut source, address) = listen(5).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(b"one\n").await.unwrap();
    let mut out = Pulled::new();
    source.pull(1, &mut out).await.unwrap();
    drop(source);
    let mut nothing = [0; 1];
    assert!(matches!(peer.read(&mut nothing).await, Ok(0) | Err(_)));
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;
}
