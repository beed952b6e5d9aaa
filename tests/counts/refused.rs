//! What is said where a count cannot be had.

use std::time::Duration;

use brigade::prelude::*;
use brigade::{FindStageError, SetCountError};
use tokio::sync::mpsc;

use crate::{Gauge, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_cannot_be_set_says_why() {
    let (items, input) = mpsc::channel(10);
    let running = pipeline! {
        [input]
        :block 2 map(|x: u64| x) with { name: "calls" },
        map(|x| x) with { name: "fused" },
        batch(10) with { name: "batches" },
        2 flat_map(|items| items) with { name: "many" },
        :drive 2 sink::each(|_| ()),
    }
    .spawn();
    let handle = running.handle();
    let refused = |stage: &str, count| handle.set_count(stage, count).unwrap_err();
    let named = |stage: &str| stage.to_owned();
    assert_eq!(
        refused("calls", 0),
        SetCountError::Zero {
            stage: named("calls")
        }
    );
    assert_eq!(
        refused("nobody", 2),
        SetCountError::Find(FindStageError::Unknown {
            stage: named("nobody")
        })
    );
    for fixed in ["source", "fused", "batches"] {
        assert_eq!(
            refused(fixed, 2),
            SetCountError::Fixed {
                stage: named(fixed)
            }
        );
    }
    for changes in ["calls", "many", "sink"] {
        handle.set_count(changes, 3).unwrap();
        let workers = || Some(handle.report().stage(changes).ok()?.time?.workers);
        until("three work", || workers() == Some(3)).await;
    }
    items.send(1).await.unwrap();
    drop(items);
    running.await.unwrap();
    for ended in ["calls", "many", "sink"] {
        assert_eq!(
            refused(ended, 2),
            SetCountError::Ended {
                stage: named(ended)
            }
        );
    }
    assert_eq!(
        refused("batches", 2),
        SetCountError::Fixed {
            stage: named("batches")
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_count_can_be_set_before_the_start() {
    let gauge = Gauge::new();
    let first = gauge.clone();
    let run = pipeline! {
        [0..100_u64]
        use first;
        2 map(|x| x) with { name: "tasks" },
        :async 2 map(|x| async move { first.pass(x).await }) with { name: "calls" },
    }
    .collect::<Vec<_>>();
    run.handle().set_count("calls", 7).unwrap();
    run.handle().set_count("tasks", 7).unwrap();
    let run = tokio::spawn(run);
    gauge.until_running(7).await;
    gauge.gate.add_permits(100);
    assert_eq!(run.await.unwrap().unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_sink_writes_as_often_at_the_same_time_as_its_new_count() {
    let gauge = Gauge::new();
    let writes = gauge.clone();
    let running = pipeline! {
        [0..100_000_u64]
        :drive 2 Gated(writes),
    }
    .spawn();
    gauge.until_running(2).await;
    running.handle().set_count("sink", 9).unwrap();
    gauge.until_running(9).await;
    running.handle().set_count("sink", 1).unwrap();
    gauge.gate.add_permits(9);
    gauge.until_running(1).await;
    gauge.gate.add_permits(100_000);
    assert_eq!(running.await.unwrap().stage("sink").unwrap().done, 100_000);
}

/// Each write waits.
struct Gated(Gauge);

impl brigade::sink::Sink<u64> for Gated {
    async fn write(
        &self,
        items: Vec<u64>,
    ) -> Result<brigade::sink::Written, brigade::sink::SinkError<u64>> {
        self.0.pass(items[0]).await;
        Ok(brigade::sink::Written::all())
    }
}

/// Run by the test below in a process whose threads cannot be had, for each would have a stack larger than memory.
#[tokio::test]
#[ignore = "needs a process of its own"]
async fn child_without_threads() {
    let (items, input) = mpsc::channel(10);
    items.send(0).await.unwrap();
    let run = pipeline! {
        [input]
        :async 2 map(|x: u64| async move { x }),
        :block 3 map(|x| x) with { name: "calls" },
        :drive sink::each(|_| ()),
    }
    .run();
    let failure = tokio::time::timeout(Duration::from_secs(20), run)
        .await
        .expect("it hangs")
        .unwrap_err();
    println!("said: {failure}");
}

#[tokio::test]
async fn a_thread_that_cannot_be_had_at_the_start_is_an_error_that_names_stage_and_reason() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "refused::child_without_threads",
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let reason = "said: calls: stopped: cannot start a thread for stage `calls`: ";
    assert!(
        said.contains(reason),
        "{said}{}",
        String::from_utf8_lossy(&child.stderr)
    );
}
