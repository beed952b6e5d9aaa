//! `apalis-peer TASKS [--tuned]`: what a durable task takes with apalis and SQLite, as a line of JSON with nanoseconds per
//! task. A package of its own, because its SQLite and rusqlite's cannot be linked into one program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use cpu_time::ProcessTime;
use sqlx::ConnectOptions;

/// How many tasks are fetched, and their acknowledgements written, in one transaction. From 1,000 on, more is not faster
/// (10 takes five times as long); it would only be more that is done twice after a crash.
const BATCH: usize = 1_000;

/// How many tasks are left. The worker stops by itself after the last one, so nothing has to watch it.
type Left = Data<Arc<AtomicI64>>;

async fn handle(text: String, left: Left, worker: WorkerContext) -> Result<usize, BoxDynError> {
    let length = step_one(&text);
    let result = step_two(length).await;
    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
        worker.stop()?;
    }
    Ok(result)
}

fn step_one(text: &str) -> usize {
    text.len()
}

async fn step_two(length: usize) -> usize {
    tokio::task::yield_now().await;
    length * 10
}

async fn run(tasks: usize, tuned: bool, file: &Path) {
    let pool = open(file, tuned).await;
    let config = Config::default()
        .queue("messages")
        .batch_size(BATCH)
        // A fetched task is marked as this worker's already, and an orphaned one is found by that mark; to mark it as
        // running as well is one more update of each task, for those who look on.
        .lock_tasks(false);
    let mut storage = SqliteStorage::<String>::new(&pool).with_config(config);

    let messages: Vec<_> = (0..tasks).map(|n| format!("message {n}")).collect();
    let expected: usize = messages.iter().map(|message| message.len() * 10).sum();
    let (tasks, expected) = (tasks.cast_signed() as i64, expected.cast_signed() as i64);
    storage.push_bulk(messages).await.expect("tasks are sent");

    let worker = WorkerBuilder::new("peer")
        // Acknowledgements that come in while an empty fetch is under way wait for the next poll. Between full batches
        // there is no waiting. The hook of SQLite tells of new tasks only, and all are there before the worker starts.
        .backend(storage.poll_with_interval(Duration::from_millis(10)))
        .data(Arc::new(AtomicI64::new(tasks)))
        // Up to a batch of handlers run concurrently without more ado. To spawn them (`parallelize`) costs more than
        // such small ones take, and a limit (`concurrency`) changes nothing.
        .build(handle);

    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    // Before a worker that was stopped returns, it writes the last acknowledgements.
    worker.run().await.expect("the worker runs");
    let (wall, cpu) = (wall.elapsed(), cpu.elapsed());

    let found: (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), SUM(last_result ->> 'Ok') FROM Jobs WHERE status = 'Done'",
    )
    .fetch_one(&pool)
    .await
    .expect("the results are read");
    assert_eq!(
        found,
        (tasks, expected),
        "how many tasks are done, and the sum of their results"
    );
    pool.close().await;

    let per_task = |time: Duration| time.as_nanos() as f64 / tasks as f64;
    println!(
        r#"{{"wall": {}, "cpu": {}}}"#,
        per_task(wall),
        per_task(cpu)
    );
}

async fn open(file: &Path, tuned: bool) -> SqlitePool {
    // What `SqliteStorage::setup` sets, but for `synchronous`, which it turns off: a power cut would take what was
    // committed. Statements are not logged, as nobody reads them.
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "64000")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    // A worker does one thing in the database at a time; a second connection would have nothing to do.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .expect("the database opens");
    SqliteStorage::migrations()
        .run(&pool)
        .await
        .expect("the tables are made");
    // Acknowledging is an update by `id` and `lock_by`, and SQLite takes this index of `lock_by`, so that each looks
    // through all that the worker has ever done: a task takes the longer, the more are done. ANALYZE before the start
    // does not help. Nothing that happens here needs the index.
    if tuned {
        sqlx::query("DROP INDEX LIdx")
            .execute(&pool)
            .await
            .expect("there is such an index");
    }

    let durability: (String, i64) = sqlx::query_as(
        "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous",
    )
    .fetch_one(&pool)
    .await
    .expect("the settings are read");
    assert_eq!(durability, ("wal".to_owned(), 2), "WAL, and FULL");
    pool
}

/// An empty folder beside this program, which is on a disk where a temporary folder might be in memory.
fn folder() -> PathBuf {
    let exe = env::current_exe().expect("the program has a path");
    let folder = exe.with_file_name("apalis-data");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder of the last run is removed");
    }
    fs::create_dir(&folder).expect("the folder is made");
    folder
}

fn main() {
    let tasks = env::args().nth(1).and_then(|tasks| tasks.parse().ok());
    let tasks = tasks.expect("apalis-peer TASKS: how many tasks");
    let tuned = env::args().any(|argument| argument == "--tuned");
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(run(tasks, tuned, &folder.join("tasks.db")));
    fs::remove_dir_all(folder).expect("the folder is removed");
}
