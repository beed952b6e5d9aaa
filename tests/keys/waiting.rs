//! What has a key, and for how long, and what becomes of those that wait for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use tokio::time::Instant;

use crate::watch::until;

/// What was done, and when.
type Log = Arc<Mutex<Vec<(&'static str, u64)>>>;

#[tokio::test(start_paused = true)]
async fn a_waiting_retry_keeps_its_key_and_gives_up_its_place() {
    let (log, started) = (Log::default(), Instant::now());
    let logged = Arc::clone(&log);
    pipeline! {
        [["a", "b", "a2", "c", "d"]]
        use log;
        // One place of two has "a", then "b" and all others; "a" comes again after a second.
        :async 2 map(async |name: &'static str| {
            log.lock().unwrap().push((name, started.elapsed().as_secs()));
            if name == "a" && started.elapsed() < Duration::from_secs(1) {
                return Err("not yet");
            }
            Ok(())
        })? with { by: |name| name.as_bytes()[0], retry: Retry::fixed(2, Duration::from_secs(1)) },
        :drive sink::each(|()| ()),
    }
    .run()
    .await
    .unwrap();
    let log = logged.lock().unwrap().clone();
    assert_eq!(
        log,
        [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("a", 1), ("a2", 1)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_timed_out_keeps_its_key_until_it_returns() {
    let (let_go, in_call, others) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (opening, counting) = (Arc::clone(&let_go), Arc::clone(&others));
    let failed = Arc::new(AtomicUsize::new(0));
    let failures = {
        let failed = Arc::clone(&failed);
        sink::each(move |_failure: Failure| {
            failed.fetch_add(1, Ordering::SeqCst);
        })
    };
    let running = pipeline! {
        [[(0, true), (0, false), (1, false), (2, false)], failures]
        use let_go, in_call, others;
        :block 2 map(|(key, stays): (u64, bool)| {
            if key > 0 {
                others.fetch_add(1, Ordering::SeqCst);
                return;
            }
            assert_eq!(in_call.fetch_add(1, Ordering::SeqCst), 0, "two calls of one key");
            while stays && !let_go.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            in_call.fetch_sub(1, Ordering::SeqCst);
        }) with { by: |(key, _)| *key, timeout: Duration::from_millis(5) },
        :drive sink::each(|()| ()),
    }
    .spawn();
    until("the call has timed out", || {
        failed.load(Ordering::SeqCst) == 1
    })
    .await;
    until("the others go on", || counting.load(Ordering::SeqCst) == 2).await;
    // The next of its key cannot begin: nothing says when it would have, had it been let.
    tokio::time::sleep(Duration::from_millis(20)).await;
    opening.store(true, Ordering::SeqCst);
    let report = running.await.unwrap();
    let row = report.stage("map").unwrap();
    assert_eq!((row.done, row.failed), (3, 1), "{report}");
}

/// Each kind of stage, which holds the first key.
macro_rules! is_given_back_by_a_stop {
    ($($name:ident: |$gate:ident| $stages:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let orders = queue::memory::<u64>();
            for _ in 0..20 {
                orders.put(1).await;
            }
            let input = orders.clone().deliveries();
            let stats = input.stats();
            let held = Arc::new(AtomicBool::new(false));
            let ($gate, opening) = (Arc::clone(&held), held);
            let stages: Segment<queue::Delivery<u64>, u64> = $stages;
            let running = pipeline! { [input] through(stages), :drive sink::each(|_item| ()) }.spawn();
            until("all are taken", || stats.snapshot().in_flight == 20).await;
            let aborting = tokio::spawn(async move { drop(running.abort().await) });
            // Whatever has not begun, while the call still runs.
            until("they are given back", || stats.snapshot().nacked >= 19).await;
            opening.store(true, Ordering::SeqCst);
            aborting.await.unwrap();
        }
    )*};
}

is_given_back_by_a_stop! {
    what_waits_for_a_future_is_given_back_by_a_stop: |gate| pipeline! {
        use gate;
        :async 4 map(async |order: queue::Delivery<u64>| {
            while !gate.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
            *order
        }) with { by: |order| **order }
    };
    what_waits_for_a_thread_is_given_back_by_a_stop: |gate| pipeline! {
        use gate;
        :block 4 map(|order: queue::Delivery<u64>| {
            while !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            *order
        }) with { by: |order| **order, timeout: Duration::from_secs(100) }
    };
}

#[tokio::test(start_paused = true)]
async fn a_count_of_1_that_is_set_later_works_on_all_keys_in_turn() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let pipeline = pipeline! {
        [0..200u64]
        use running, most;
        :async 10 map(async |item| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            item
        }) with { by: |item| item % 7, name: "keyed" },
        :drive sink::each(|_item| ()),
    };
    let running = pipeline.spawn();
    until("keys run side by side", || seen.load(Ordering::SeqCst) == 7).await;
    running.handle().set_count("keyed", 1).unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    seen.store(0, Ordering::SeqCst);
    assert_eq!(running.await.unwrap().stage("keyed").unwrap().done, 200);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}
