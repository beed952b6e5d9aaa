//! Tokio's paused clock does not run ahead of the threads of a pipeline.

use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::prelude::*;
use brigade::queue::{self, Admin as _, Outgoing, SqliteQueue};
use brigade::sink::Table;
use tokio::time::{Instant, timeout};

use crate::fakes::{Gate, Kept, Level, eventually, in_time};

/// Far longer than the calls here take in real time, and still the next timer of all.
const LATER: Duration = Duration::from_secs(10);

/// Takes some real time.
fn work<T>(item: T) -> T {
    thread::sleep(Duration::from_millis(3));
    item
}

/// Pipelines on threads, whose calls and batches all have time enough.
macro_rules! has_time {
    ($($name:ident: |$sink:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let kept = Kept::open();
            let $sink = kept.clone();
            let started = Instant::now();
            $pipeline.run().await.unwrap();
            let batches: Vec<Vec<u64>> = kept.items.take();
            assert_eq!(batches, [(0..30).collect::<Vec<_>>()]);
            assert!(started.elapsed() < LATER, "time ran ahead: {:?}", started.elapsed());
        }
    )*};
}

has_time! {
    batches_by_age_behind_threads_are_whole: |sink| pipeline! {
        [0..30_u64] :block 2 map(work), batch(30, LATER), :drive sink
    };
    batches_by_age_behind_the_pool_are_whole: |sink| pipeline! {
        [0..30_u64] :block 2 map(work) with { pool }, batch(30, LATER), :drive sink
    };
    batches_by_age_behind_threads_with_many_outputs_are_whole: |sink| pipeline! {
        [source::iter((0..30_u64).step_by(2))] :block 2 flat_map(|x| work([x, x + 1])), batch(30, LATER), :drive sink
    };
    calls_on_threads_are_not_timed_out_early: |sink| pipeline! {
        [0..30_u64] :block 2 map(work) with { timeout: LATER }, batch(30), :drive sink
    };
    calls_in_the_pool_are_not_timed_out_early: |sink| pipeline! {
        [0..30_u64] :block 2 map(work) with { timeout: LATER, pool }, batch(30), :drive sink
    };
    calls_behind_threads_are_not_timed_out_early: |sink| pipeline! {
        [0..30_u64]
        :block 2 map(work),
        :async 2 map(|x| async move { tokio::task::yield_now().await; x }) with { timeout: Duration::from_millis(1) },
        :block 2 map(work),
        batch(30, LATER),
        :drive sink
    };
}

/// A call that does not return is timed out at its deadline, and time goes on.
macro_rules! times_out {
    ($($name:ident: |$errors:ident, $call:ident| $stage:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let (gate, failures) = (Gate::closed(), Kept::<Failure>::open());
            let (pass, $errors) = (gate.clone(), failures.clone());
            let $call = move |x: u64| {
                if x == 3 {
                    pass.block();
                }
                x
            };
            let running = $stage.spawn();
            let timed_out = async {
                while failures.items.len() == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            in_time(timed_out).await;
            gate.open();
            // Time goes on since then.
            let report = running.await.unwrap();
            assert_eq!((report.rows[1].done, report.rows[1].failed), (9, 1));
            let failure = failures.items.take().remove(0);
            assert!(matches!(failure.cause(), Cause::Timeout(_)), "{failure}");
        }
    )*};
}

times_out! {
    a_call_on_a_thread_is_timed_out_in_virtual_time: |errors, call| pipeline! {
        [0..10_u64, errors]
        :block 2 map(call) with { timeout: Duration::from_millis(200) },
        :drive sink::each(|_| ())
    };
    a_call_in_the_pool_is_timed_out_in_virtual_time: |errors, call| pipeline! {
        [0..10_u64, errors]
        :block 2 map(call) with { timeout: Duration::from_millis(200), pool },
        :drive sink::each(|_| ())
    };
}

#[tokio::test(start_paused = true)]
async fn time_goes_on_while_threads_wait_for_items() {
    let (items, input) = tokio::sync::mpsc::channel(1);
    let running = pipeline! { [input] :block 2 map(|x: u64| x), :drive sink::each(|_| ()) }.spawn();
    let (started, really) = (Instant::now(), std::time::Instant::now());
    for item in 0..5 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        items.send(item).await.unwrap();
    }
    assert_eq!(started.elapsed(), 5 * Duration::from_secs(3600));
    drop(items);
    assert_eq!(running.await.unwrap().rows[1].done, 5);
    assert!(really.elapsed() < LATER);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_time_go_on_though_a_call_has_not_returned() {
    let (gate, level) = (Gate::closed(), Level::default());
    let (pass, inside) = (gate.clone(), level.clone());
    let running = pipeline! {
        [0..3_u64]
        use pass, inside;
        :block 1 map(|x| { let _inside = inside.enter(); pass.block(); x }),
        :drive sink::each(|_| ())
    }
    .spawn();
    eventually("a call", || level.now() == 1).await;
    let really = std::time::Instant::now();
    running.abort().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(
        really.elapsed() < Duration::from_secs(4),
        "it was waited for"
    );
    gate.open();
}

#[tokio::test(start_paused = true)]
async fn lines_of_files_come_before_time_goes_on() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in 0..100_000 {
        writeln!(file, "line number {line}").unwrap();
    }
    let kept = Kept::open();
    let sink = kept.clone();
    let run = pipeline! {
        [source::files([file.path()])]
        batch(10_000, LATER),
        map(|lines| lines.len()),
        :drive sink
    }
    .run();
    timeout(LATER / 2, run)
        .await
        .expect("time ran ahead")
        .unwrap();
    assert_eq!(kept.items.take(), [10_000; 10]);
}

#[tokio::test(start_paused = true)]
async fn rows_are_written_before_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::at(folder.path().join("rows.db")).open().unwrap();
    let table = database
        .table("rows")
        .column("number", "INTEGER")
        .key(["number"])
        .create()
        .open()
        .unwrap();
    let run = pipeline! {
        [0..5000_i64]
        map(|x| (x,)),
        batch(100),
        :drive 2 table
    }
    .run();
    let report = timeout(LATER, run).await.expect("time ran ahead").unwrap();
    assert!(report.conserved());
}

#[tokio::test(start_paused = true)]
async fn a_queue_in_a_file_answers_before_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let orders = Sqlite::open(folder.path().join("queue.db"))
        .unwrap()
        .queue::<String>("jobs")
        .open()
        .unwrap();
    let messages = (0..100)
        .map(|number: u64| Outgoing::new(number.to_string()))
        .collect();
    let sent = timeout(LATER, orders.send(messages))
        .await
        .expect("time ran ahead");
    assert!(sent.unwrap().is_empty());
    let kept = Kept::open();
    let sink = kept.clone();
    let run = pipeline! {
        [orders.deliveries().until_idle().wait(Duration::ZERO)]
        map(|order| order.parse::<u64>())?,
        batch(1000, LATER),
        map(|orders| orders.len()),
        :drive sink
    }
    .run();
    timeout(LATER, run).await.expect("time ran ahead").unwrap();
    assert_eq!(kept.items.take(), [100]);
}

#[tokio::test(start_paused = true)]
async fn a_journal_in_a_file_answers_before_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(folder.path().join("journal.db"))
        .unwrap()
        .journal()
        .open()
        .unwrap();
    let kept = Kept::open();
    let sink = kept.clone();
    let run = pipeline! {
        [0..100_u64]
        journal = journal;
        push_task(number, id = u64::to_string),
        let double = number * 2 with { once },
        map(|m| m.double),
        batch(1000, LATER),
        map(|numbers| numbers.len()),
        :drive sink
    }
    .run();
    timeout(LATER, run).await.expect("time ran ahead").unwrap();
    assert_eq!(kept.items.take(), [100]);
}

/// A queue in a file of this folder with the messages `0` to `99`.
async fn hundred(folder: &Path) -> SqliteQueue {
    let orders = Sqlite::open(folder.join("work.db"))
        .unwrap()
        .queue("jobs")
        .open()
        .unwrap();
    let messages = (0..100).map(|number: u64| Outgoing::new(number.to_string()));
    let sent = timeout(LATER, orders.send(messages.collect())).await;
    assert!(sent.expect("time ran ahead").unwrap().is_empty());
    orders
}

fn numbers(folder: &Path) -> Table {
    let database = Sqlite::at(folder.join("work.db")).open().unwrap();
    let table = database.table("numbers").column("number", "INTEGER");
    table.create().open().unwrap()
}

/// Ends that work in a file: a run of the hundred is over before time goes on, and each of them came there.
macro_rules! ends_in_time {
    ($($name:ident: |$folder:ident, $orders:ident| $pipeline:expr, $count:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let place = tempfile::tempdir().unwrap();
            let $folder = place.path();
            let orders = hundred($folder).await;
            let $orders = orders.clone();
            let run = $pipeline.run();
            let report = timeout(LATER, run).await.expect("time ran ahead").unwrap();
            assert!(report.conserved(), "{report}");
            let stats = timeout(LATER, orders.stats()).await.expect("time ran ahead").unwrap();
            assert_eq!((stats.ready, stats.total() - stats.ready), (0, 0), "{report}");
            assert_eq!($count, 100, "{report}");
        }
    )*};
}

fn count(file: &Path, table: &str) -> u64 {
    let file = rusqlite::Connection::open(file).unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    file.query_row(&count, [], |row| row.get(0)).unwrap()
}

ends_in_time! {
    dead_letters_are_written_to_a_file_before_time_goes_on: |folder, orders| {
        let letters = Sqlite::open(folder.join("dead.db")).unwrap().letters().open().unwrap();
        pipeline! {
            [orders.deliveries().until_idle().wait(Duration::ZERO), queue::dead_letters(letters)]
            map(|_order| Err::<(), _>("refused"))?,
            :drive sink::each(|()| ())
        }
    }, count(&folder.join("dead.db"), "brigade_dead_letter");
    rows_that_settle_their_messages_are_written_before_time_goes_on: |folder, orders| {
        let rows = orders.settling(&numbers(folder)).unwrap();
        pipeline! {
            [orders.deliveries().until_idle().wait(Duration::ZERO)]
            map(|order| order.parse::<u32>().map(|number| (number,)))?,
            batch(10, Duration::from_millis(1)),
            :drive rows
        }
    }, count(&folder.join("work.db"), "numbers");
    rows_that_complete_their_tasks_are_written_before_time_goes_on: |folder, orders| {
        let journal = Sqlite::open(folder.join("work.db")).unwrap().journal().open().unwrap();
        let rows = journal.completing(&numbers(folder)).unwrap();
        pipeline! {
            [orders.deliveries().until_idle().wait(Duration::ZERO)]
            journal = journal;
            push_task(order),
            let number = order.parse::<u32>()? with { once },
            map(|m| (m.number,)),
            batch(10, Duration::from_millis(1)),
            :drive rows
        }
    }, count(&folder.join("work.db"), "numbers");
    lines_are_written_to_a_file_before_time_goes_on: |folder, orders| {
        pipeline! {
            [orders.deliveries().until_idle().wait(Duration::ZERO)]
            map(|order| order.to_string()),
            :drive sink::lines(folder.join("lines.txt"))
        }
    }, std::fs::read_to_string(folder.join("lines.txt")).unwrap().lines().count();
}

#[tokio::test(start_paused = true)]
async fn time_does_not_go_on_before_the_end_of_threads_is_known() {
    for _ in 0..50 {
        let run = pipeline! { [0..4_u64] :block 4 map(|x| x), :drive sink::each(|_| ()) }.run();
        timeout(LATER, run).await.expect("time ran ahead").unwrap();
    }
}
