//! Messages that kill the process which works on them, and those that only are there.

#![cfg(feature = "sqlite")]

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::queue::{SqliteLetters, SqliteQueue};
use pipeline_runtime::queue::{Admin as _, Outgoing};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_millis(500);

const ALLOWED: u32 = 5;

const MESSAGES: usize = 120;

/// Each kills its process whenever it is begun; all of them wait in one prefetch, two beside each other.
const KILLERS: [usize; 3] = [10, 40, 41];

fn open(dir: &Path) -> (SqliteQueue, SqliteLetters) {
    let queue = Sqlite::open(dir.join("tasks.db"))
        .unwrap()
        .queue("tasks")
        .lease(LEASE)
        .open()
        .unwrap();
    let letters = Sqlite::open(dir.join("dead.db"))
        .unwrap()
        .letters()
        .open()
        .unwrap();
    (queue, letters)
}

/// Not a test by itself: a process of the next one.
#[tokio::test]
async fn child() {
    let Some(dir) = std::env::var_os("BRIGADE_POISON_OF_CHILD") else {
        return;
    };
    let (tasks, letters) = open(Path::new(&dir));
    // Longer than a lease of the process before.
    let deliveries = tasks.deliveries().prefetch(64).wait(3 * LEASE);
    pipeline! {
        [deliveries.until_idle().poison(ALLOWED, letters)]
        :async 4 tap(async |task| {
            let number: usize = task.id().parse().unwrap();
            if KILLERS.contains(&number) {
                std::process::abort();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }),
        :drive queue::acks(),
    }
    .run()
    .await
    .unwrap();
}

fn ends_well(dir: &Path) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "child"])
        .env("BRIGADE_POISON_OF_CHILD", dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    child.status().unwrap().success()
}

#[tokio::test]
async fn what_kills_its_process_becomes_a_letter_and_its_healthy_neighbours_do_not() {
    let dir = TempDir::new().unwrap();
    let (tasks, letters) = open(dir.path());
    let task = |number: usize| Outgoing::new("work".to_owned()).id(number.to_string());
    tasks.send((0..MESSAGES).map(task).collect()).await.unwrap();
    let mut kills = 0;
    while !ends_well(dir.path()) {
        kills += 1;
        assert!(kills < 40, "{:?}", letters.oldest(10).await);
    }
    let dead = letters.oldest(MESSAGES).await.unwrap();
    let dead: HashSet<usize> = dead.iter().map(|dead| dead.id.parse().unwrap()).collect();
    assert_eq!(dead, HashSet::from(KILLERS), "after {kills} kills");
    let stats = tasks.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (0, 0));
    // The first delivery of each is not marked; two may be begun at the same time.
    let killers = u32::try_from(KILLERS.len()).unwrap();
    let least = killers * ALLOWED / 2;
    let most = killers * (ALLOWED + 1);
    assert!((least..=most).contains(&kills), "{kills} kills");
}
