//! Counts that change while a pipeline runs, and counts as large as numbers get.

mod ceilings;
#[path = "../support/changing.rs"]
mod changing;
mod lowered;
mod property;
mod raised;
mod refused;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::prelude::*;
use brigade::{FindStageError, SetCountError};
use tokio::sync::{Semaphore, mpsc};

/// Waits until `condition` holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
    assert!(reached.is_ok(), "never seen: {what}");
}

/// Counts the calls that run at the same time and holds them until it is told to let go.
#[derive(Clone)]
struct Gauge {
    running: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Gauge {
    fn new() -> Self {
        Self {
            running: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    async fn pass(&self, item: u64) -> u64 {
        self.running.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.expect("never closed").forget();
        self.running.fetch_sub(1, Ordering::SeqCst);
        item
    }

    async fn until_running(&self, count: usize) {
        let what = format!("{count} run");
        until(&what, || self.running.load(Ordering::SeqCst) == count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_are_added_and_retired_while_a_stage_runs() {
    let gauge = Gauge::new();
    let (items, input) = mpsc::channel(1000);
    let runtime = tokio::runtime::Handle::current();
    let running = pipeline! {
        [input]
        use gauge, runtime;
        :block 1 map(|item: u64| runtime.block_on(gauge.pass(item))) with { name: "slow" },
        :drive sink::each(|_item| ()),
    }
    .spawn();
    for item in 0..100 {
        items.send(item).await.unwrap();
    }
    gauge.until_running(1).await;
    let handle = running.handle();
    handle.set_count("slow", 4).unwrap();
    gauge.until_running(4).await;
    handle.set_count("slow", 2).unwrap();
    gauge.gate.add_permits(4);
    gauge.until_running(2).await;
    let unknown = handle.set_count("sluggish", 2).unwrap_err();
    assert!(
        matches!(&unknown, SetCountError::Find(FindStageError::Unknown { stage }) if stage == "sluggish")
    );
    gauge.gate.add_permits(100);
    drop(items);
    let report = running.await.unwrap();
    assert_eq!(report.stage("slow").unwrap().done, 100);
}

#[tokio::test(start_paused = true)]
async fn futures_in_flight_follow_the_count() {
    let gauge = Gauge::new();
    let running = pipeline! {
        [0..1000u64]
        use gauge;
        :async 2 map(|item| async move { gauge.pass(item).await }) with { name: "calls" },
        :drive sink::each(|_item| ()),
    }
    .spawn();
    gauge.until_running(2).await;
    running.handle().set_count("calls", 200).unwrap();
    gauge.gate.add_permits(1);
    gauge.until_running(200).await;
    running.handle().set_count("calls", 3).unwrap();
    gauge.gate.add_permits(197);
    gauge.until_running(3).await;
    gauge.gate.add_permits(1000);
    assert_eq!(running.await.unwrap().stage("calls").unwrap().done, 1000);
}

/// Where calls are dear, an automatic bound holds few items: it must leave room for those that a higher count adds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_count_takes_effect_where_calls_are_dear() {
    let gauge = Gauge::new();
    let runtime = tokio::runtime::Handle::current();
    let running = pipeline! {
        [0..1000u64]
        use gauge, runtime;
        :block 1 map(|item: u64| {
            // Long enough for the pace to learn that an item is dear.
            std::thread::sleep(Duration::from_millis(5));
            runtime.block_on(gauge.pass(item))
        }) with { name: "slow" },
        :drive sink::each(|_item| ()),
    }
    .spawn();
    // Some calls end, and are measured.
    gauge.gate.add_permits(5);
    gauge.until_running(1).await;
    until("five are done", || {
        running.report().stage("slow").unwrap().done == 5
    })
    .await;
    running.handle().set_count("slow", 32).unwrap();
    gauge.until_running(32).await;
    running.handle().set_count("slow", 2).unwrap();
    gauge.gate.add_permits(1000);
    assert_eq!(running.await.unwrap().stage("slow").unwrap().done, 1000);
}
