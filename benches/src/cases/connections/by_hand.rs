//! The same as most people write it.

use std::io;

use futures::StreamExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, LinesCodec};

use super::senders::Load;
use crate::case::Sample;
use crate::rt::{Consumer, runtime};

pub(super) fn run(load: Load) -> Sample {
    let runtime = runtime(2);
    let listener = runtime.block_on(async { listen() }).expect("a free port");
    let senders = load.connect(listener.local_addr().expect("it is bound"));
    Consumer::Spawned.measure_on(&runtime, load.lines(), async move {
        let senders = senders.send();
        let (sender, mut lines_in) = mpsc::channel::<String>(1024);
        let connections = load.connections;
        tokio::spawn(async move {
            for _ in 0..connections {
                let (stream, _) = listener.accept().await.expect("a connection");
                let sender = sender.clone();
                tokio::spawn(async move {
                    let codec = LinesCodec::new_with_max_length(1 << 20);
                    let mut lines = FramedRead::new(stream, codec);
                    while let Some(Ok(line)) = lines.next().await {
                        if sender.send(line).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let (mut lines, mut bytes) = (0, 0);
        while let Some(line) = lines_in.recv().await {
            lines += 1;
            bytes += line.len() as u64;
        }
        load.check(lines, bytes);
        senders.join().expect("a sender panicked");
    })
}

/// As `TcpListener::bind`, but a thousand connections may wait to be accepted.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(4096)
}
