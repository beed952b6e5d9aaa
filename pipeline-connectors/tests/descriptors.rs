//! Without file descriptors. Alone in its process, because the limit is the process's.

#![cfg(all(
    feature = "files",
    feature = "sqlite",
    feature = "tcp",
    target_os = "linux"
))]

mod common;

use std::sync::{Mutex, PoisonError};

use common::{drain_all, eventually};
use futures::FutureExt;
use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::source::{ReadErrorKind, files, tcp};
use pipeline_runtime::source::{Pulled, Source};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// One test at a time, from before its runtime needs descriptors.
fn alone<T>(test: impl Future<Output = T>) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Runtime::new().unwrap().block_on(test)
}

/// Waits for something while there are no descriptors to be had.
async fn without_descriptors<T>(work: impl Future<Output = T>) -> T {
    let before = getrlimit(Resource::Nofile);
    let none_left = Rlimit {
        current: Some(0),
        ..before
    };
    setrlimit(Resource::Nofile, none_left).unwrap();
    let done = work.await;
    setrlimit(Resource::Nofile, before).unwrap();
    done
}

#[test]
fn the_listener_goes_on_when_there_are_descriptors_again() {
    alone(async {
        let mut source = tcp("127.0.0.1:0").bind().await.unwrap();
        let stats = source.stats();
        let mut peer = TcpStream::connect(source.local_addr()).await.unwrap();
        peer.write_all(b"at last\n").await.unwrap();
        without_descriptors(eventually(|| {
            let mut out = Pulled::new();
            assert!(source.pull(1, &mut out).now_or_never().is_none());
            stats.snapshot().accept_errors > 1
        }))
        .await;
        let mut out = Pulled::new();
        source.pull(1, &mut out).await.unwrap();
        assert_eq!(out.items()[0].text, "at last");
    });
}

#[test]
fn that_descriptors_ran_out_is_said() {
    alone(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (_, failures) = without_descriptors(drain_all(files([file.path()]))).await;
        assert_eq!(failures[0].read, Some(ReadErrorKind::NoDescriptors));
        let said = &failures[0].message;
        assert!(
            said.starts_with("no file descriptors are left; raise"),
            "{said}"
        );

        let path = file.path().with_extension("db");
        let opened = without_descriptors(async { Sqlite::open(&path) }).await;
        let error = opened.unwrap_err();
        assert_eq!(error.kind, OpenErrorKind::NoDescriptors);
        let said = error.to_string();
        assert!(said.ends_with("fewer files and connections open"), "{said}");

        let bound = without_descriptors(tcp("127.0.0.1:0").bind()).await;
        let said = bound.unwrap_err().to_string();
        assert!(said.contains("no file descriptors are left"), "{said}");
    });
}
