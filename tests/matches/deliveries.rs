//! Deliveries, journals, segments, changed counts and drains where there are arms.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::journal;
use brigade::prelude::*;
use brigade::queue::{Delivery, Memory, Outgoing};

const MESSAGES: usize = 60;

/// Messages from "0" on.
async fn messages(count: usize) -> Memory<String> {
    let queue = queue::memory::<String>();
    let message = |n: usize| Outgoing::new(n.to_string()).id(n.to_string());
    let unsent = queue.send((0..count).map(message).collect()).await.unwrap();
    assert!(unsent.is_empty());
    queue
}

/// What each of two arms and the stage behind them have called.
#[derive(Default)]
struct Calls {
    arms: [AtomicUsize; 2],
    /// Messages of which the stage behind has failed once.
    failed: Mutex<HashSet<usize>>,
}

impl Calls {
    fn once(&self, arm: usize, n: usize) -> usize {
        self.arms[arm].fetch_add(1, SeqCst);
        n * 10
    }

    fn fails_at_first(&self, n: usize) -> Result<usize, String> {
        if self.failed.lock().unwrap().insert(n) {
            Err(format!("not yet: {n}"))
        } else {
            Ok(n)
        }
    }
}

macro_rules! records_in_arms {
    ($name:ident $(, $with:tt)?) => {
        #[tokio::test]
        async fn $name() {
            let (queue, calls) = (messages(MESSAGES).await, Arc::new(Calls::default()));
            let deliveries = queue.clone().deliveries();
            let deliveries = deliveries.until_idle().wait(Duration::ZERO);
            let stats = deliveries.stats();
            let (rows, out) = (sink::collect(), Arc::clone(&calls));
            let report = pipeline! {
                [deliveries, queue::nacks(Duration::ZERO)]
                journal = journal::memory();
                use out;
                push_task(message),
                let n = message.parse::<usize>()?,
                match *n % 3 {
                    0 => { :async 4 let first = async { out.once(0, *n) }.await with { once }, let row = *first }
                    1 => { :block 2 let second = out.once(1, *n) with { once }, let row = *second }
                    _ => skip,
                } $(with $with)?,
                let done = out.fails_at_first(*n)?,
                map(|m| (m.done, m.row)),
                :drive rows.clone(),
            }
            .run()
            .await
            .unwrap();
            let mut rows = rows.take();
            rows.sort_unstable();
            let expected = (0..MESSAGES).filter(|n| n % 3 < 2).map(|n| (n, n * 10));
            assert_eq!(rows, expected.collect::<Vec<_>>(), "{report}");
            let calls = calls.arms.each_ref().map(|calls| calls.load(SeqCst));
            assert_eq!(calls, [MESSAGES / 3; 2], "what is recorded is not called again");
            let stats = stats.snapshot();
            assert_eq!((stats.acked, stats.nacked), (60, 40), "{stats:?}");
            assert_eq!((stats.in_flight, queue.len()), (0, 0));
        }
    };
}

records_in_arms!(a_value_of_an_arm_is_recorded_in_order);
records_in_arms!(a_value_of_an_arm_is_recorded_unordered, { unordered });

#[tokio::test]
async fn a_message_is_acknowledged_by_the_arm_that_it_ends_in() {
    let queue = messages(MESSAGES).await;
    let deliveries = queue.clone().deliveries();
    let deliveries = deliveries.until_idle().wait(Duration::ZERO);
    let stats = deliveries.stats();
    let (rows, batches) = (sink::collect(), sink::collect());
    pipeline! {
        [deliveries, sink::each(|failure: Failure<Delivery<String>>| failure.ack())]
        push_task(message),
        let n = message.parse::<usize>()?,
        match *n % 4 {
            0 => { :block 4 let row = if *n % 8 == 0 { Err("an eighth fails") } else { Ok(*n) }?,
                   map(|m| m.row), :drive rows.clone() }
            1 => { map(|m| m.n), batch(7), :drive batches.clone() }
            2 => { :block let kept = *n, filter(|m| m.kept % 8 == 2), map(|m| m.kept), :drive rows.clone() }
            _ => skip,
        }
    }
    .run()
    .await
    .unwrap();
    let mut rows = rows.take();
    rows.sort_unstable();
    let kept = |n: &usize| n % 8 == 2 || n % 8 == 4;
    assert_eq!(rows, (0..MESSAGES).filter(kept).collect::<Vec<_>>());
    let batches: Vec<Vec<usize>> = batches.take();
    assert_eq!(
        batches.concat(),
        (1..MESSAGES).step_by(4).collect::<Vec<_>>()
    );
    let stats = stats.snapshot();
    assert_eq!((stats.acked, stats.nacked, stats.in_flight), (60, 0, 0));
}

#[tokio::test]
async fn a_drain_finishes_what_all_arms_have_and_leaves_the_rest_in_the_queue() {
    let queue = messages(2000).await;
    let deliveries = queue.clone().deliveries().prefetch(8);
    let stats = deliveries.stats();
    let (rows, open) = (sink::collect(), sink::collect());
    let running = pipeline! {
        [deliveries]
        push_task(message),
        :block let n = message.parse::<usize>()? with { buffer: 16 },
        match *n % 2 {
            0 => { :async 4 tap(async |_| tokio::time::sleep(Duration::from_millis(1)).await) with { buffer: 8 },
                   map(|m| m.n), :drive rows.clone() }
            _ => { 1 map(|m| m.n) with { buffer: 8 }, batch(1_000_000), :drive open.clone() }
        }
    }
    .spawn();
    while running.report().stage("map").unwrap().done < 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let report = running.drain(Duration::from_secs(30)).await.unwrap();
    let batches: Vec<Vec<usize>> = open.take();
    let written = rows.take().len() + batches.concat().len();
    let stats = stats.snapshot();
    assert_eq!(stats.acked, written as u64, "{report}");
    assert_eq!(stats.in_flight, 0);
    assert_eq!(queue.len(), 2000 - written);
    assert!(written < 2000, "it was drained in the middle");
}

#[tokio::test]
async fn a_count_in_an_arm_can_be_changed_while_it_runs() {
    let (begun, gate) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(tokio::sync::Semaphore::new(0)),
    );
    let (begins, waits) = (Arc::clone(&begun), Arc::clone(&gate));
    let running = pipeline! {
        [source::iter(0..40usize)]
        use begins, waits;
        match |n| n % 2 {
            0 => { :async 1 tap(async |_: &usize| {
                begins.fetch_add(1, SeqCst);
                waits.acquire().await.unwrap().forget();
            }) with { name: "slow" } }
            _ => { :block map(|n| n) }
        },
        :drive sink::discard(),
    }
    .spawn();
    let all = async |count| {
        while begun.load(SeqCst) != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, all(1)).await.unwrap();
    running.handle().set_count("slow", 5).unwrap();
    // It takes effect when a call ends.
    gate.add_permits(1);
    tokio::time::timeout(patience, all(6)).await.unwrap();
    gate.add_permits(40);
    let report = tokio::time::timeout(patience, running)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.stage("slow").unwrap().done, 20);
}

#[tokio::test]
async fn a_segment_stands_in_an_arm_and_a_match_in_a_segment() {
    fn halves() -> Segment<u64, u64> {
        pipeline! {
            filter(|_: &u64| true),
            match |n| n % 2 {
                0 => { :async 2 map(async |n| n / 2) }
                _ => skip,
            }
        }
    }
    let mut out: Vec<u64> = pipeline! {
        [source::iter(0..100u64)]
        match |n| n % 5 {
            0 => { through(halves()) }
            _ => { :block 2 map(|n| n + 1000) }
        } with { unordered },
    }
    .collect()
    .await
    .unwrap();
    out.sort_unstable();
    let tens = (0..100).step_by(10).map(|n| n / 2);
    let others = (0..100).filter(|n| n % 5 != 0).map(|n| n + 1000);
    assert_eq!(out, tens.chain(others).collect::<Vec<u64>>());
}
