//! What is sent, and by whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What is sent in all.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: u64,
    /// By each connection.
    each: u64,
}

/// Connections that are open, and wait for the word to send.
pub(super) struct Senders {
    go: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Load {
    /// As many lines of 50 to 150 bytes over each connection.
    pub(super) fn new(connections: u64, lines: u64) -> Self {
        Self {
            connections,
            each: lines.div_ceil(connections),
        }
    }

    pub(super) fn lines(self) -> u64 {
        self.each * self.connections
    }

    fn payload(self) -> Vec<u8> {
        let mut payload = Vec::new();
        for number in 0..self.each {
            payload.extend((0..length(number)).map(|at| b'a' + ((number + at) % 26) as u8));
            payload.push(b'\n');
        }
        payload
    }

    /// Opens all connections, on a thread of its own.
    pub(super) fn connect(self, address: SocketAddr) -> Senders {
        let (connected, ready) = std::sync::mpsc::channel();
        let (go, word) = oneshot::channel();
        let thread = thread::spawn(move || {
            let payload: Arc<[u8]> = self.payload().into();
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut streams = Vec::new();
                for _ in 0..self.connections {
                    streams.push(TcpStream::connect(address).await.expect("it listens"));
                }
                connected.send(()).expect("it waits for that");
                word.await.expect("it waits for the end");
                let mut senders = JoinSet::new();
                for mut stream in streams {
                    let payload = Arc::clone(&payload);
                    senders.spawn(async move {
                        stream.write_all(&payload).await.expect("it reads");
                        stream.shutdown().await.expect("it reads");
                    });
                }
                while let Some(sent) = senders.join_next().await {
                    sent.expect("a sender panicked");
                }
            });
        });
        ready.recv().expect("they connect");
        Senders { go, thread }
    }

    /// What came of it.
    pub(super) fn check(self, lines: u64, bytes: u64) {
        assert_eq!(
            (lines, bytes),
            (self.lines(), self.bytes()),
            "lines are missing"
        );
    }

    /// Checks a file with all lines, in whatever order.
    pub(super) fn check_file(self, text: &[u8]) {
        let lines = text.split(|byte| *byte == b'\n').count() as u64 - 1;
        self.check(lines, text.len() as u64 - lines);
    }

    /// In all, without the ends of lines.
    pub(super) fn bytes(self) -> u64 {
        (0..self.each).map(length).sum::<u64>() * self.connections
    }
}

impl Senders {
    /// Lets all send. What comes back is the thread that does.
    pub(super) fn send(self) -> thread::JoinHandle<()> {
        self.go.send(()).expect("they wait for that");
        self.thread
    }
}

fn length(number: u64) -> u64 {
    50 + (number * 37) % 101
}
