//! Queues in SQLite files: what every queue promises, files that are none, clocks, full disks, other processes.

#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use pipeline_connectors::queue::{self, SqliteQueue};
use pipeline_connectors::{OpenErrorKind, conformance};
use pipeline_runtime::queue::{Outgoing, Queue, Receipt, Received};
use rusqlite::Connection;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    fn open(&self) -> SqliteQueue {
        queue::sqlite(self.path()).open().unwrap()
    }

    /// What another program sees and does.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn refused(path: &Path) -> (OpenErrorKind, String) {
    let error = queue::sqlite(path).open::<String>().unwrap_err();
    (error.kind.clone(), error.to_string())
}

fn message(text: &str) -> Outgoing<String> {
    Outgoing::new(text.to_owned())
}

fn receipts(received: &[Received<String>]) -> Vec<Receipt> {
    received.iter().map(|message| message.receipt.clone()).collect()
}

async fn receive(queue: &SqliteQueue) -> Vec<Received<String>> {
    queue.receive(100, Duration::ZERO).await.unwrap()
}

#[tokio::test]
async fn it_is_what_a_queue_promises() {
    let dir = TempDir::new().unwrap();
    let mut count = 0;
    let files = std::iter::from_fn(|| {
        count += 1;
        Some(dir.path().join(format!("{count}.db")))
    });
    let files = std::cell::RefCell::new(files);
    let make = async || {
        let path = files.borrow_mut().next().unwrap();
        let open = || queue::sqlite(&path).lease(Duration::from_secs(2)).open();
        let queues: (SqliteQueue<String>, SqliteQueue<String>) = (open().unwrap(), open().unwrap());
        queues
    };
    conformance::queue(make, &[]).await;
}
