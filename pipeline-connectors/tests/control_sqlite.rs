//! What all instances of a service are told, in a SQLite file.
#![cfg(all(feature = "service", feature = "sqlite"))]

#[path = "common/instances.rs"]
mod instances;
#[path = "common/heard.rs"]
#[allow(dead_code, reason = "what is heard of broadcasts is tested elsewhere")]
mod told;

use pipeline_connectors::database::{Sqlite, SqliteControl};

use instances::{all_follow, follow, start};
use told::{Program, told};

fn open(path: &str) -> SqliteControl {
    Sqlite::open(path).unwrap().control().open().unwrap()
}

/// The program.
#[tokio::test]
async fn program() {
    if let Some((_, path)) = told() {
        follow(open(&path)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_follow_what_one_is_told_and_so_does_one_that_starts_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.db");
    let path = path.to_str().unwrap();
    let here = start(open(path)).await;
    let everywhere = here.control().everywhere(open(path));
    all_follow(&here, &everywhere, || {
        Program::start("program", "follow", path)
    })
    .await;
    here.stop().await.unwrap();
}
