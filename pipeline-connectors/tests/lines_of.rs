//! Lines of what can be read: connections that this program opens, sockets, children.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::process::Stdio;
use std::time::Duration;

use pipeline_connectors::conformance;
use pipeline_connectors::source::{LastLine, LineError, LineErrorKind, lines_of};
use pipeline_runtime::source::{self, Flow, Line, Pulled, Source, SourceError};
use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::process::Command;

/// What a source brings until it ends or breaks: the lines, what failed, and by what it broke.
async fn all_of(
    mut source: impl Source<Item = Line>,
) -> (Vec<String>, Vec<String>, Option<String>) {
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    let broke = loop {
        let mut pulled = Pulled::new();
        let flow = source.pull(10, &mut pulled).await;
        lines.extend(pulled.take_items().into_iter().map(|line| line.text));
        failures.extend(pulled.failures().iter().map(said));
        match flow {
            Ok(Flow::More) => {}
            Ok(Flow::End) => break None,
            Err(error) => break Some(said(&error)),
        }
    };
    (lines, failures, broke)
}

fn said(error: &SourceError) -> String {
    match error.origin() {
        Some(origin) => format!("{origin}: {error}"),
        None => error.to_string(),
    }
}

/// A line for each number.
fn numbered(begin: &str, numbers: Range<u32>) -> String {
    let mut text = String::new();
    numbers.for_each(|n| writeln!(text, "{begin}{n}").expect("there is room"));
    text
}

/// A reader in which this text arrives in pieces of so many bytes.
fn in_pieces(text: &str, of: usize) -> impl AsyncRead + Send + use<> {
    let (mut writer, reader) = tokio::io::duplex(of);
    let text = text.to_owned();
    tokio::spawn(async move { writer.write_all(text.as_bytes()).await });
    reader
}

#[tokio::test]
async fn it_is_a_source_as_any_other() {
    let expected: Vec<Line> = {
        let text = numbered("line ", 0..50);
        let mut source = lines_of("pipe", io::Cursor::new(text.into_bytes()));
        let mut pulled = Pulled::new();
        while source.pull(1000, &mut pulled).await.unwrap() == Flow::More {}
        pulled.take_items()
    };
    assert_eq!(expected.len(), 50);
    for of in [1, 7, 64] {
        let make = async || {
            let text = numbered("line ", 0..50);
            lines_of("pipe", in_pieces(&text, of)).byte_bound(40)
        };
        conformance::source(make, &expected).await;
    }
}

#[tokio::test]
async fn a_last_line_is_what_is_said_of_it() {
    let text = "whole\r\n\nhalf";
    let (lines, failures, broke) = all_of(lines_of("pipe", in_pieces(text, 3))).await;
    assert_eq!(
        (lines, failures.len(), broke),
        (vec!["whole".into(), "half".into()], 0, None)
    );

    let failing = lines_of("pipe", in_pieces(text, 3)).last_line(LastLine::Fail);
    let (lines, failures, broke) = all_of(failing).await;
    assert_eq!((lines, broke), (vec!["whole".to_owned()], None));
    assert!(failures[0].starts_with("pipe:3"), "{failures:?}");

    let (lines, failures, broke) = all_of(lines_of("pipe", in_pieces(text, 3)).endless()).await;
    assert_eq!((lines, failures.len()), (vec!["whole".to_owned()], 1));
    let broke = broke.unwrap();
    assert!(broke.ends_with("its other end has closed it"), "{broke}");
}

#[tokio::test]
async fn a_line_that_is_no_text_or_too_long_fails_alone() {
    let bytes = b"one\n\xff\xfe\ntwo\nmuch too long\nthree\n".to_vec();
    let mut source = lines_of("pipe", io::Cursor::new(bytes)).line_limit(5);
    let mut pulled = Pulled::new();
    while source.pull(1000, &mut pulled).await.unwrap() == Flow::More {}
    let kinds: Vec<_> = pulled
        .failures()
        .iter()
        .map(|failure| failure.error().downcast_ref::<LineError>().unwrap().kind)
        .collect();
    assert!(
        matches!(
            kinds[..],
            [LineErrorKind::NotUtf8 { .. }, LineErrorKind::TooLong { .. }]
        ),
        "{kinds:?}"
    );
    let lines: Vec<_> = pulled.items().iter().map(|line| &*line.text).collect();
    assert_eq!(lines, ["one", "two", "three"]);
}

/// A reader that fails behind what it had.
struct Fails(io::Cursor<Vec<u8>>);

impl AsyncRead for Fails {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        if self.0.position() == self.0.get_ref().len() as u64 {
            return std::task::Poll::Ready(Err(io::Error::other("the cable is out")));
        }
        std::pin::Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

#[tokio::test]
async fn a_read_that_fails_ends_it_and_says_where() {
    let reader = Fails(io::Cursor::new(b"one\ntwo\nthr".to_vec()));
    let (lines, failures, broke) = all_of(lines_of("pipe", reader)).await;
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(failures.len(), 1, "{failures:?}");
    let broke = broke.unwrap();
    assert!(
        broke.starts_with("pipe:3") && broke.ends_with("the cable is out"),
        "{broke}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_opened_again_and_what_was_whole_is_there_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        for connection in 0..3 {
            let (mut peer, _) = listener.accept().await.unwrap();
            let whole = numbered("", connection * 100..connection * 100 + 100);
            peer.write_all(whole.as_bytes()).await.unwrap();
            // It is cut off in the middle of a line.
            peer.write_all(b"cut o").await.unwrap();
        }
    });
    let source = source::again(move |_| async move {
        let stream = TcpStream::connect(address).await?;
        Ok::<_, io::Error>(lines_of("feed", stream).endless())
    });
    let source = source.backoff(Duration::from_millis(1)).limit(0);
    let limited = all_of(source).await;
    assert_eq!((limited.0.len(), limited.1.len()), (100, 1));

    let source = source::again(move |_| async move {
        let stream = TcpStream::connect(address).await?;
        Ok::<_, io::Error>(lines_of("feed", stream).endless())
    });
    let source = source.backoff(Duration::from_millis(1)).limit(2);
    let (lines, failures, broke) = all_of(source).await;
    let expected: Vec<String> = (100..300).map(|n| n.to_string()).collect();
    assert_eq!(lines, expected);
    // Two lines that were cut off, two connections that were closed, one that was refused; the next one ends it.
    assert_eq!(failures.len(), 5, "{failures:#?}");
    let closed = failures
        .iter()
        .filter(|said| said.contains("its other end has closed it"));
    assert_eq!(closed.count(), 2, "{failures:#?}");
    assert!(broke.unwrap().contains("refused"));
    server.await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_and_a_child_are_read_as_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let writes = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"one\ntwo\n").await.unwrap();
    });
    let stream = UnixStream::connect(&path).await.unwrap();
    let (lines, failures, broke) = all_of(lines_of("socket", stream)).await;
    assert_eq!(
        (lines, failures.len(), broke),
        (vec!["one".into(), "two".into()], 0, None)
    );
    writes.await.unwrap();

    let mut child = Command::new("sh")
        .args(["-c", "printf 'a\\nb\\nc'"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (lines, ..) = all_of(lines_of("sh", child.stdout.take().unwrap())).await;
    assert_eq!(lines, ["a", "b", "c"]);
    assert!(child.wait().await.unwrap().success());
}
