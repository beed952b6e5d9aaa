//! Shares of time where the count changes.

use std::time::{Duration, Instant};

use brigade::prelude::*;

use crate::Gauge;

/// Longer than anything else here takes, so that shares are near what they would be without it.
const LONG: Duration = Duration::from_millis(200);

/// Waits for real time to pass.
async fn pass(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_shared_by_the_workers_that_may_work() {
    let gauge = Gauge::new();
    let runtime = tokio::runtime::Handle::current();
    let running = pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        :block 1 map(|item: u64| runtime.block_on(gauge.pass(item))) with { name: "calls", window: 64 },
        :drive sink::each(|_item| ()),
    }
    .spawn();
    let handle = running.handle();
    let time = || handle.report().stage("calls").unwrap().time.unwrap();
    let shares = || time().shares();
    gauge.until_running(1).await;
    handle.set_count("calls", 8).unwrap();
    gauge.until_running(8).await;
    pass(LONG).await;
    assert_eq!(time().workers, 8);
    let busy = shares();
    assert!(
        busy.busy > 0.8 && busy.parked == 0.0,
        "all of them work: {busy:?}"
    );
    handle.set_count("calls", 2).unwrap();
    gauge.gate.add_permits(8);
    gauge.until_running(2).await;
    pass(2 * LONG).await;
    assert_eq!(time().workers, 2);
    let fewer = shares();
    assert!(
        fewer.busy > 0.8 && fewer.starved < 0.1,
        "two work, and six may not: {fewer:?}"
    );
    assert!(fewer.parked > 0.2, "{fewer:?}");
    assert!(
        handle.report().to_string().contains("parked"),
        "{}",
        handle.report()
    );
    gauge.gate.add_permits(1000);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_has_nothing_is_waited_for_while_it_has_nothing() {
    let queue = queue::memory::<String>();
    let running = pipeline! {
        [queue.deliveries()]
        :drive sink::each(|_message| ()),
    }
    .spawn();
    let handle = running.handle();
    pass(LONG).await;
    let before = handle.report();
    pass(LONG).await;
    // Nobody waits for room: that would be the sink's.
    let source = handle.report().since(&before).rows[0]
        .time
        .unwrap()
        .shares();
    assert!(source.busy > 0.8 && source.blocked < 0.2, "{source:?}");
    // When it has ended, nothing is added any more.
    let report = running.drain(LONG).await.unwrap();
    let time = |report: &brigade::Report| report.rows[0].time.unwrap().busy;
    pass(LONG).await;
    assert_eq!(time(&handle.report()), time(&report));
}
