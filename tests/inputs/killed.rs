//! Queues as inputs of a merge, in front of a loop, copies dropped and order by key, in processes that are killed.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use brigade::database::Sqlite;
use brigade::prelude::*;
use brigade::queue::{Outgoing, SqliteQueue};
use brigade::{BoxError, feedback};

const MESSAGES: i64 = 400;
const ROUNDS: u8 = 3;
const KEYS: i64 = 7;

/// What goes round: a message's number, and how often it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Step {
    number: i64,
    round: u8,
}

fn queue(folder: &Path, name: &str) -> SqliteQueue {
    let file = Sqlite::open(folder.join("queues.db")).unwrap();
    let queue = file.queue(name).lease(Duration::from_secs(1));
    queue.open().unwrap()
}

fn rows(folder: &Path) -> sink::Table {
    let file = Sqlite::open(folder.join("rows.db")).unwrap();
    let table = file.table("rows").column("number", "INTEGER NOT NULL");
    table.key(["number"]).ignore().create().open().unwrap()
}

/// One at a time of each key, or the process fails.
async fn alone(step: Step) -> Step {
    static RUNNING: Mutex<BTreeSet<i64>> = Mutex::new(BTreeSet::new());
    let key = step.number % KEYS;
    assert!(
        RUNNING.lock().unwrap().insert(key),
        "two of one key at once"
    );
    tokio::time::sleep(Duration::from_millis(5)).await;
    RUNNING.lock().unwrap().remove(&key);
    step
}

/// Not a test by itself: what a process of the next one does.
#[tokio::test]
async fn worker() -> Result<(), BoxError> {
    let Some(folder) = std::env::var_os("BRIGADE_INPUTS_OF_WORKER") else {
        return Ok(());
    };
    let folder = Path::new(&folder);
    let table = rows(folder);
    let wait = Duration::from_millis(200);
    let [left, right] = ["left", "right"].map(|name| queue(folder, name));
    let messages = source::merge((
        left.deliveries()
            .prefetch(8)
            .wait(wait)
            .until_idle()
            .named("left"),
        right
            .deliveries()
            .prefetch(8)
            .wait(wait)
            .until_idle()
            .named("right"),
    ));
    let steps = pipeline! {
        [messages]
        map(|message| message.parse::<i64>())?,
        map(|number| Step { number, round: 0 }),
    };
    let (again, input) = feedback(10_000, steps);
    pipeline! {
        [input]
        dedup(|step| *step) with { most: 100_000 },
        :async 16 map(alone) with { by: |step| step.number % KEYS, window: 16, buffer: 16 },
        match |step| step.round {
            ROUNDS => { map(|step| (step.number,)), batch(16, Duration::from_millis(20)), :drive table }
            _ => { map(|step| Step { round: step.round + 1, ..step }), :drive again }
        }
    }
    .run()
    .await?;
    Ok(())
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::worker"])
        .env("BRIGADE_INPUTS_OF_WORKER", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The numbers that a statement gives, read beside the library.
fn numbers(file: &Path, sql: &str) -> HashSet<i64> {
    let file = rusqlite::Connection::open(file).unwrap();
    file.busy_timeout(Duration::from_secs(30)).unwrap();
    let mut numbers = file.prepare(sql).unwrap();
    let numbers = numbers.query_map([], |row| row.get(0)).unwrap();
    numbers.collect::<rusqlite::Result<_>>().unwrap()
}

#[tokio::test]
async fn nothing_is_acknowledged_whose_effect_is_missing_whenever_workers_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (side, name) in [(0, "left"), (1, "right")] {
        let numbers = (0..MESSAGES).filter(|n| *n % 2 == side);
        let messages = numbers.map(|n| Outgoing::new(n.to_string()));
        queue(folder, name).send(messages.collect()).await.unwrap();
    }
    drop(rows(folder));
    let (queues, rows) = (folder.join("queues.db"), folder.join("rows.db"));
    let waiting = || numbers(&queues, "SELECT CAST(body AS INTEGER) FROM brigade_queue");
    // What is taken out of the queues is taken out behind its row: so the queues are looked at first.
    let missing = || {
        let waiting = waiting();
        let written = numbers(&rows, "SELECT number FROM rows");
        (0..MESSAGES)
            .filter(|n| !waiting.contains(n) && !written.contains(n))
            .collect::<Vec<_>>()
    };
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut workers = [spawn(folder), spawn(folder)];
    let (mut kills, begun) = (0, Instant::now());
    while !waiting().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(90),
            "seed {seed}, {} left",
            waiting().len()
        );
        tokio::time::sleep(Duration::from_millis(random.u64(50..400))).await;
        if kills < 12 {
            let victim = random.choice(&mut workers).expect("there are two");
            victim.kill().unwrap();
            victim.wait().unwrap();
            kills += 1;
            let missing = missing();
            assert!(missing.is_empty(), "seed {seed}: {missing:?}");
            *victim = spawn(folder);
        }
        for worker in &mut workers {
            if let Some(ended) = worker.try_wait().unwrap() {
                assert!(ended.success(), "seed {seed}: {ended}");
                *worker = spawn(folder);
            }
        }
    }
    assert!(kills > 2, "seed {seed}: {kills} were killed");
    for mut worker in workers {
        worker.wait().unwrap();
    }
    assert_eq!(missing(), Vec::<i64>::new(), "seed {seed}");
    assert_eq!(
        numbers(&rows, "SELECT number FROM rows").len(),
        usize::try_from(MESSAGES).unwrap()
    );
}
