//! The connectors at the ends of pipelines.

#![cfg(all(feature = "files", feature = "tcp", feature = "sqlite"))]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use common::{eventually, numbered};
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::sink::Table;
use pipeline_connectors::source::{Files, files, tcp};
use pipeline_runtime::sink::{Sink, SinkError, Written};
use pipeline_runtime::source::Line;
use rusqlite::Connection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn write(dir: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A table of a number and a text that may not be there twice.
fn table(path: &PathBuf) -> Table {
    let db = Sqlite::open(path).unwrap();
    let table = db
        .table("lines")
        .column("number", "INTEGER")
        .column("text", "TEXT UNIQUE CHECK (text <> 'line 77')")
        .key(["number"])
        .upsert()
        .create();
    table.open().unwrap()
}

fn count(path: &PathBuf) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT count(*) FROM lines", [], |row| row.get(0))
        .unwrap()
}

fn row(line: &Line) -> (u64, String) {
    (line.number, line.text.clone())
}

/// A table that counts the writes for which its database was away.
#[derive(Clone)]
struct Counting(Table, Arc<AtomicUsize>);

impl Sink<(u64, String)> for Counting {
    async fn write(&self, rows: Vec<(u64, String)>) -> Result<Written, SinkError<(u64, String)>> {
        let written = self.0.write(rows).await;
        if written.as_ref().is_err_and(SinkError::is_away) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        written
    }
}

#[tokio::test]
async fn a_table_whose_file_is_locked_for_longer_than_its_timeout_is_waited_for_and_loses_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.db");
    let db = Sqlite::at(&path)
        .busy_timeout(Duration::from_millis(1))
        .open()
        .unwrap();
    let table = db
        .table("lines")
        .column("number", "INTEGER")
        .column("text", "TEXT")
        .create()
        .open()
        .unwrap();
    let (stats, away) = (table.stats(), Arc::new(AtomicUsize::new(0)));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let running = pipeline! {
        [0..1000_u64]
        map(|number| (number, "text".to_owned())),
        :drive Counting(table, Arc::clone(&away)),
    }
    .spawn();
    eventually(|| away.load(Ordering::SeqCst) > 1).await;
    assert_eq!(stats.snapshot().failed, 0);
    other.execute_batch("COMMIT").unwrap();
    running.await.unwrap();
    assert_eq!((count(&path), stats.snapshot().failed), (1000, 0));
}

#[tokio::test]
async fn lines_of_a_file_become_rows_and_what_is_bad_goes_to_the_error_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = numbered("line", 5000).into_bytes();
    bytes.extend(b"\n\n\xFF\nlast");
    let posts = write(&dir, "posts", bytes);
    let missing = dir.path().join("missing");
    let db = dir.path().join("rows.db");
    let rows = table(&db);
    let stats = rows.stats();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&errors);
    let each = sink::each(move |failure: Failure| seen.lock().unwrap().push(failure.to_string()));
    let source = files([&missing, &posts]);
    let report = pipeline! {
        [source, each]
        :block 2 map(|line: Line| row(&line)),
        batch(100),
        :drive rows,
    }
    .run()
    .await
    .unwrap();
    assert!(report.conserved(), "{report}");
    let source = report.stage("files").unwrap();
    assert_eq!(
        (source.failed, source.filtered, source.emitted),
        (2, 2, 5001)
    );
    let mut errors = errors.lock().unwrap().clone();
    errors.sort();
    let (missing, posts) = (missing.display(), posts.display());
    let offset = numbered("line", 5000).len() + 2;
    let expected = [
        format!("files: there is no such file; check the path, at {missing}"),
        format!("files: the line is not UTF-8: byte 0xff at position 0; convert the input first, at {posts}:5003 (byte {offset})"),
        "lines: the row of table `lines` with number = 78: CHECK constraint failed: text <> 'line 77'".to_owned(),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(errors, expected);
    assert_eq!(count(&db), 5000);
    assert_eq!(stats.snapshot().inserted, 5000);
}

/// Lines of which each is longer than the bound, and some that are not.
fn long_and_short(dir: &tempfile::TempDir) -> Files {
    let text = ("x".repeat(3000) + "\nshort\n" + &"y".repeat(800) + "\n").repeat(20);
    files([write(dir, "long", text)]).byte_bound(1000)
}

const LINES: usize = 60;

macro_rules! passes {
    ($dir:ident, $($stages:tt)*) => {{
        let source = long_and_short(&$dir);
        let all = pipeline! { [source] $($stages)* }.collect::<Vec<_>>();
        let all = tokio::time::timeout(Duration::from_secs(20), all).await;
        all.expect(concat!("it hangs: ", stringify!($($stages)*))).unwrap()
    }};
}

#[tokio::test]
async fn no_kind_of_first_stage_stops_at_the_byte_bound() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(passes!(dir, map(|line: Line| line.text)).len(), LINES);
    assert_eq!(passes!(dir, 2 map(|line: Line| line.text)).len(), LINES);
    assert_eq!(
        passes!(dir, :block 3 map(|line: Line| line.text)).len(),
        LINES
    );
    assert_eq!(
        passes!(dir, :async 5 map(async |line: Line| line.text)).len(),
        LINES
    );
    assert_eq!(
        passes!(dir, flat_map(|line: Line| [line.text])).len(),
        LINES
    );
    let batches = passes!(dir, batch(7));
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), LINES);
}

#[tokio::test]
async fn a_drain_ends_a_listener_and_closes_its_connections() {
    let source = tcp("127.0.0.1:0").bind().await.unwrap();
    let address = source.local_addr();
    let mut peer = TcpStream::connect(address).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let each = {
        let seen = Arc::clone(&seen);
        sink::each(move |text: String| seen.lock().unwrap().push(text))
    };
    let running = pipeline! {
        [source]
        :async 4 map(async |line: Line| line.text),
        :drive each,
    }
    .spawn();
    peer.write_all(b"one\ntwo\nhal").await.unwrap();
    eventually(|| seen.lock().unwrap().len() == 2).await;
    let report = running.drain(Duration::from_secs(10)).await.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(*seen.lock().unwrap(), ["one", "two"]);
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;
}
