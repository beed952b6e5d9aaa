//! Promise 8 after a count was lowered: never more calls than that, whatever they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::mpsc;

use crate::{Gauge, until};

/// How many are in at the same time, and were at most since it was asked to look.
#[derive(Debug, Clone, Default)]
struct Level(Arc<(AtomicUsize, AtomicUsize)>);

impl Level {
    fn enter(&self) {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn peak(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Eight items fail at the same time, the count falls to `left`, and all are due at the same time.
macro_rules! tries_again_within_the_lower_count {
    ($($name:ident: $items:literal, |$first:ident, $again:ident, $seen:ident, $runtime:ident| $stage:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for left in [1, 3] {
                let ($first, $again) = (Gauge::new(), Level::default());
                let ($seen, $runtime) = (Arc::new(AtomicUsize::new(0)), tokio::runtime::Handle::current());
                let (gauge, level) = ($first.clone(), $again.clone());
                let running = $stage.spawn();
                gauge.until_running(8).await;
                running.handle().set_count("calls", left).unwrap();
                gauge.gate.add_permits(1000);
                let report = tokio::time::timeout(Duration::from_secs(30), running).await;
                let report = report.expect("it hangs").unwrap();
                let row = report.stage("calls").unwrap();
                assert_eq!((row.done, row.retries), ($items, 8), "{report}");
                assert!(level.peak() <= left, "{} calls instead of {left}", level.peak());
            }
        }
    )*};
}

/// The first eight calls wait and fail, the others are counted.
fn call(
    first: &Gauge,
    again: &Level,
    seen: &AtomicUsize,
    runtime: &tokio::runtime::Handle,
    item: u64,
) -> Result<u64, &'static str> {
    if seen.fetch_add(1, Ordering::SeqCst) < 8 {
        tokio::task::block_in_place(|| runtime.block_on(first.pass(item)));
        return Err("later");
    }
    again.enter();
    std::thread::sleep(Duration::from_millis(2));
    again.leave();
    Ok(item)
}

async fn call_async(
    first: &Gauge,
    again: &Level,
    seen: &AtomicUsize,
    item: u64,
) -> Result<u64, &'static str> {
    if seen.fetch_add(1, Ordering::SeqCst) < 8 {
        first.pass(item).await;
        return Err("later");
    }
    again.enter();
    tokio::time::sleep(Duration::from_millis(2)).await;
    again.leave();
    Ok(item)
}

const SOON: Duration = Duration::from_millis(30);

tries_again_within_the_lower_count! {
    threads_try_the_last_items_again_within_a_lower_count: 8, |first, again, seen, runtime| pipeline! {
        [0..8_u64]
        use first, again, seen, runtime;
        :block 8 map(|x| call(&first, &again, &seen, &runtime, x))? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    };
    threads_try_again_within_a_lower_count: 60, |first, again, seen, runtime| pipeline! {
        [0..60_u64]
        use first, again, seen, runtime;
        :block 8 map(|x| call(&first, &again, &seen, &runtime, x))? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    };
    threads_of_the_pool_try_again_within_a_lower_count: 60, |first, again, seen, runtime| pipeline! {
        [0..60_u64]
        use first, again, seen, runtime;
        :block 8 map(|x| call(&first, &again, &seen, &runtime, x))? with { name: "calls", pool, retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    };
    tasks_try_again_within_a_lower_count: 60, |first, again, seen, runtime| pipeline! {
        [0..60_u64]
        use first, again, seen, runtime;
        8 map(|x| call(&first, &again, &seen, &runtime, x))? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    };
    futures_try_the_last_items_again_within_a_lower_count: 8, |first, again, seen, runtime| { let _ = runtime; pipeline! {
        [0..8_u64]
        use first, again, seen;
        :async 8 map(|x| async move { call_async(&first, &again, &seen, x).await })? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    } };
    futures_try_again_within_a_lower_count: 60, |first, again, seen, runtime| { let _ = runtime; pipeline! {
        [0..60_u64]
        use first, again, seen;
        :async 8 map(|x| async move { call_async(&first, &again, &seen, x).await })? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    } };
}

/// A worker that waited for items when the count fell takes none, and another one gets what it was woken for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_wait_for_items_obey_a_lower_count() {
    for tries in [1, 2] {
        let level = Level::default();
        let inside = level.clone();
        let (items, input) = mpsc::channel(100);
        let running = pipeline! {
            [input]
            use inside;
            :block 8 map(|x: u64| {
                inside.enter();
                std::thread::sleep(Duration::from_millis(2));
                inside.leave();
                Ok::<_, String>(x)
            })? with { name: "calls", retry: Retry::fixed(tries, SOON), window: 64 },
            :drive sink::each(|_| ())
        }
        .spawn();
        let handle = running.handle();
        items.send(0).await.unwrap();
        until("the first is done", || handle.report().rows[2].done == 1).await;
        handle.set_count("calls", 1).unwrap();
        let before = level.peak();
        assert_eq!(before, 1);
        for item in 1..50 {
            items.send(item).await.unwrap();
        }
        until("all are done", || handle.report().rows[2].done == 50).await;
        assert_eq!(level.peak(), 1);
        drop(items);
        assert_eq!(running.await.unwrap().rows[1].done, 50);
    }
}

/// What waits is due while the permitted worker waits for the source, and the one that had it may work no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_is_due_goes_to_a_worker_that_may_work_and_waits_for_the_source() {
    let (failed, fail) = (Arc::new(AtomicBool::new(false)), Gauge::new());
    let (once, gauge, runtime) = (
        failed.clone(),
        fail.clone(),
        tokio::runtime::Handle::current(),
    );
    let (items, input) = mpsc::channel(100);
    let running = pipeline! {
        [input]
        use once, gauge, runtime;
        :block 2 map(|x: u64| {
            if once.swap(true, Ordering::SeqCst) {
                return Ok(x);
            }
            runtime.block_on(gauge.pass(x));
            Err("later")
        })? with { name: "calls", retry: Retry::fixed(2, SOON) },
        :drive sink::each(|_| ())
    }
    .spawn();
    let handle = running.handle();
    items.send(0).await.unwrap();
    fail.until_running(1).await;
    // Whichever of the two has it, the other one waits for the source.
    items.send(1).await.unwrap();
    until("the other call is done", || {
        handle.report().rows[1].entered == 2
    })
    .await;
    handle.set_count("calls", 1).unwrap();
    fail.gate.add_permits(1);
    until("both are done", || handle.report().rows[2].done == 2).await;
    assert_eq!(handle.report().stage("calls").unwrap().retries, 1);
    drop(items);
    running.await.unwrap();
}
