//! Promise 21: nothing of a pipeline outlives it.

use std::time::Duration;

use brigade::{Failure, Running, prelude::*};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::fakes::{Gate, Level, ThenNever, eventually, idle, in_time, threads};

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// On several threads: a task that has been waited for is still counted for a moment.
async fn no_more_tasks_than(before: usize) {
    eventually("the tasks end", || tasks() == before).await;
}

/// How many threads have this name.
fn named(name: &str) -> usize {
    threads().iter().filter(|thread| *thread == name).count()
}

/// A pipeline with every kind of worker and timer, whose source does not end: timeouts, retries, an open batch.
fn everything(thread: &Gate, given: u64) -> Running {
    let errors = sink::each(|_failure: Failure| ());
    let pass = thread.clone();
    pipeline! {
        [pipeline! { [ThenNever::after(given)] 2 map(|x| x), :block 2 map(|x| x) with { name: "survivor-inner" } }, errors]
        use pass;
        :async 4 map(|x| async move {
            if x % 5 == 0 {
                std::future::pending::<()>().await;
            }
            Ok::<_, std::fmt::Error>(x)
        })? with { timeout: Duration::from_secs(1), retry: Retry::fixed(3, Duration::from_mins(1)), unordered },
        :block 2 tap(|_x| pass.block()) with { name: "survivor", timeout: Duration::from_secs(5) },
        :block 2 map(|x| x) with { pool },
        flat_map(|x| [x, x]),
        batch(1000, Duration::from_hours(1)),
        :drive 2 sink::each(|_batch| ())
    }
    .spawn()
}

fn open() -> Gate {
    let gate = Gate::closed();
    gate.open();
    gate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_survives_run() {
    let before = tasks();
    let collect = pipeline! {
        [0..1000_u64]
        2 map(|x| x),
        :block 2 map(|x| x) with { name: "survivor-run" },
        :async 2 map(|x| async move { x }) with { timeout: Duration::from_secs(1000) },
        batch(7, Duration::from_secs(1000))
    }
    .collect::<Vec<_>>();
    in_time(collect).await.unwrap();
    no_more_tasks_than(before).await;
    assert_eq!(named("survivor-run"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_survives_a_failing_run() {
    let before = tasks();
    let run = pipeline! {
        [source::iter(0_u64..)]
        2 map(|x| x),
        :block 2 map(|x| if x == 500 { Err("enough") } else { Ok(x) })? with { name: "survivor-fail" },
        :async 2 map(|x| async move { x }) with { timeout: Duration::from_secs(1000) },
        batch(7, Duration::from_secs(1000)),
        :drive sink::each(|_batch| ())
    }
    .run();
    in_time(run).await.unwrap_err();
    no_more_tasks_than(before).await;
    assert_eq!(named("survivor-fail"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_survives_a_failure_while_an_item_waits_to_be_tried_again() {
    let before = tasks();
    let (items, input) = mpsc::channel(2);
    let running = pipeline! {
        [input]
        :block 2 map(|x: u64| if x == 0 { Err("later") } else { Ok(x) })? with {
            name: "survivor-retry", retry: Retry::fixed(2, Duration::from_hours(1)), unordered
        },
        2 map(|x| if x == 1 { Err("enough") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .spawn();
    items.send(0).await.unwrap();
    let retries = || running.report().stage("survivor-retry").unwrap().retries;
    eventually("it waits", || retries() == 1).await;
    items.send(1).await.unwrap();
    in_time(running).await.unwrap_err();
    no_more_tasks_than(before).await;
    assert_eq!(named("survivor-retry"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_survives_drain() {
    let before = tasks();
    let running = everything(&open(), 4);
    let _ = in_time(running.drain(Duration::from_millis(200))).await;
    no_more_tasks_than(before).await;
    eventually("the threads end", || {
        named("survivor") + named("survivor-inner") == 0
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_survives_abort() {
    for given in [0, 1, 100] {
        let before = tasks();
        let running = everything(&open(), given);
        idle().await;
        assert!(tasks() > before);
        in_time(running.abort()).await;
        assert_eq!(tasks(), before);
        eventually("the threads end", || running.report().threads.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_survives_a_dropped_running() {
    for given in [0, 1, 100] {
        let before = tasks();
        let running = everything(&open(), given);
        let handle = running.handle();
        idle().await;
        drop(running);
        idle().await;
        assert_eq!(tasks(), before);
        eventually("the threads end", || handle.report().threads.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_survives_a_dropped_run_or_collect() {
    let before = tasks();
    let run = pipeline! {
        [ThenNever::after(10)] 2 map(|x| x), :async 2 map(|x| async move { x }), :drive sink::each(|_x| ())
    }
    .run();
    assert!(
        tokio::time::timeout(Duration::from_secs(1), run)
            .await
            .is_err()
    );
    let collect = pipeline! { [ThenNever::after(10)] 2 map(|x| x), batch(3) }.collect::<Vec<_>>();
    assert!(
        tokio::time::timeout(Duration::from_secs(1), collect)
            .await
            .is_err()
    );
    idle().await;
    assert_eq!(tasks(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_survives_only_in_a_blocking_call_and_is_named_until_it_returns() {
    let (gate, level) = (Gate::closed(), Level::default());
    let (pass, inside) = (gate.clone(), level.clone());
    let before = tasks();
    let running = pipeline! {
        [source::iter(0_u64..)]
        use pass, inside;
        :block 3 tap(|_x| {
            let _inside = inside.enter();
            pass.block();
        }) with { name: "survivor-call" },
        :drive sink::each(|_x| ())
    }
    .spawn();
    eventually("three calls", || level.now() == 3).await;
    let report = in_time(running.abort()).await;
    assert_eq!(report.threads, ["survivor-call"; 3]);
    no_more_tasks_than(before).await;
    assert_eq!(named("survivor-call"), 3);
    let handle = running.handle();
    drop(running);
    gate.open();
    eventually("they end", || named("survivor-call") == 0).await;
    assert!(handle.report().threads.is_empty());
    assert_eq!(level.peak(), 3, "a call was begun after the abort");
    assert_eq!(handle.report().stage("sink").unwrap().entered, 0);
}
