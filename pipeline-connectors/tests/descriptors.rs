//! A listener without file descriptors. Alone in its process, because the limit is the process's.

#![cfg(all(feature = "tcp", target_os = "linux"))]

mod common;

use common::eventually;
use futures::FutureExt;
use pipeline_connectors::tcp;
use pipeline_runtime::source::{Pulled, Source};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn the_listener_goes_on_when_there_are_descriptors_again() {
    let mut source = tcp("127.0.0.1:0").bind().await.unwrap();
    let stats = source.stats();
    let mut peer = TcpStream::connect(source.local_addr()).await.unwrap();
    peer.write_all(b"at last\n").await.unwrap();

    let before = getrlimit(Resource::Nofile);
    let none_left = Rlimit {
        current: Some(0),
        ..before
    };
    setrlimit(Resource::Nofile, none_left).unwrap();
    eventually(|| {
        let mut out = Pulled::new();
        assert!(source.pull(1, &mut out).now_or_never().is_none());
        stats.snapshot().accept_errors > 1
    })
    .await;
    setrlimit(Resource::Nofile, before).unwrap();

    let mut out = Pulled::new();
    source.pull(1, &mut out).await.unwrap();
    assert_eq!(out.items()[0].text, "at last");
}
