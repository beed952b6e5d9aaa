//! Promise 24: when `batch` emits, and what.

use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fakes::{Kept, Log, ThenNever, idle, in_time};

const AGE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_full_but_for_the_last_and_in_order_of_arrival() {
    for (size, len) in [(1, 0), (1, 5), (3, 9), (3, 10), (100, 7), (1000, 100_000)] {
        let batches: Vec<Vec<u64>> =
            in_time(pipeline! { [0..len] :block 2 map(|x| x), batch(size) }.collect())
                .await
                .unwrap();
        let expected: Vec<Vec<u64>> = (0..len)
            .collect::<Vec<_>>()
            .chunks(size)
            .map(<[u64]>::to_vec)
            .collect();
        assert_eq!(batches, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_batch_is_counted_from_its_first_item() {
    let (sender, receiver) = mpsc::channel(10);
    let log = Log::default();
    let batches = log.clone();
    let started = Instant::now();
    let running = pipeline! {
        [receiver]
        batch(3, AGE),
        :drive sink::each(move |batch: Vec<u64>| batches.push((started.elapsed().as_secs(), batch)))
    }
    .spawn();
    let mut clock = 0;
    for at in [7, 12, 25, 26, 27, 40, 49, 60] {
        tokio::time::sleep(Duration::from_secs(at - clock)).await;
        clock = at;
        sender.send(at).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(sender);
    in_time(running).await.unwrap();
    let expected = [
        (17, vec![7, 12]), // by age: ten seconds after its first item, not after the last batch or item
        (27, vec![25, 26, 27]), // by size
        (50, vec![40, 49]), // by age again
        (63, vec![60]),    // at the end
    ];
    assert_eq!(log.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_empty_however_long_nothing_comes() {
    let (sender, receiver) = mpsc::channel::<u64>(10);
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! { [receiver] filter(|x| *x > 5), batch(3, AGE), :drive sink }.spawn();
    for x in 0..5 {
        sender.send(x).await.unwrap();
        tokio::time::sleep(5 * AGE).await;
    }
    assert_eq!(kept.items.len(), 0);
    sender.send(6).await.unwrap();
    tokio::time::sleep(5 * AGE).await;
    drop(sender);
    in_time(running).await.unwrap();
    assert_eq!(kept.items.take(), [vec![6]]);
}

#[tokio::test(start_paused = true)]
async fn drain_flushes_an_open_batch_at_once() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! {
        [ThenNever::after(7)] :async 2 map(|x| async move { x }), batch(5, AGE), :drive sink
    }
    .spawn();
    idle().await;
    let started = Instant::now();
    in_time(running.drain(AGE)).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_millis(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(kept.items.take(), [vec![0, 1, 2, 3, 4], vec![5, 6]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_due_waits_for_a_slow_consumer_without_being_lost_or_merged() {
    let kept = Kept::gated();
    let sink = kept.clone();
    let running = pipeline! { [ThenNever::after(12)] batch(2, AGE), :drive sink }.spawn();
    tokio::time::sleep(10 * AGE).await;
    kept.gate.open();
    idle().await;
    in_time(running.drain(AGE)).await.unwrap();
    let expected: Vec<_> = (0..6).map(|half| vec![2 * half, 2 * half + 1]).collect();
    assert_eq!(kept.items.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_failing_stage_behind_a_batch_fails_the_batch() {
    let failures = Kept::<Failure>::open();
    let errors = failures.clone();
    let collect = pipeline! {
        [0..10_u64, errors]
        batch(4),
        map(|batch: Vec<u64>| if batch.contains(&5) { Err("five") } else { Ok(batch.len()) })? with { name: "count" }
    }
    .collect::<Vec<_>>();
    let handle = collect.handle();
    assert_eq!(in_time(collect).await.unwrap(), [4, 2]);
    assert_eq!(failures.items.len(), 1);
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    let count = report.stage("count").unwrap();
    assert_eq!((count.entered, count.done, count.failed), (3, 2, 1));
    let batch = report.stage("batch").unwrap();
    assert_eq!((batch.entered, batch.done, batch.emitted), (10, 10, 3));
}
