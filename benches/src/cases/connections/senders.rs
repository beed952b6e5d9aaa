//! What is sent, and by whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// What each connection sends.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) connections: u64,
    /// In all.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    payload: Arc<[u8]>,
}

impl Load {
    /// Lines of 50 to 150 bytes, the same over each connection.
    pub(super) fn new(connections: u64, lines: u64) -> Self {
        let each = lines.div_ceil(connections);
        let mut payload = Vec::new();
        for number in 0..each {
            let length = 50 + (number * 37) % 101;
            payload.extend((0..length).map(|at| b'a' + ((number + at) % 26) as u8));
            payload.push(b'\n');
        }
        Self {
            connections,
            lines: each * connections,
            bytes: (payload.len() as u64 - each) * connections,
            payload: payload.into(),
        }
    }

    /// Opens all connections and sends, on a thread of its own.
    pub(super) fn send_to(&self, address: SocketAddr) -> thread::JoinHandle<()> {
        let load = self.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut senders = JoinSet::new();
                for _ in 0..load.connections {
                    let payload = Arc::clone(&load.payload);
                    senders.spawn(async move {
                        let mut stream = TcpStream::connect(address).await.expect("it listens");
                        stream.write_all(&payload).await.expect("it reads");
                        stream.shutdown().await.expect("it reads");
                    });
                }
                while let Some(sent) = senders.join_next().await {
                    sent.expect("a sender panicked");
                }
            });
        })
    }

    /// What came of it.
    pub(super) fn check(&self, lines: u64, bytes: u64) {
        assert_eq!(
            (lines, bytes),
            (self.lines, self.bytes),
            "lines are missing"
        );
    }
}
