//! Promise 70: a count that is raised takes effect at once, though every call that runs hangs.

use brigade::prelude::*;
use tokio::runtime::Handle;

use crate::Gauge;

/// All calls hang, the count is raised from `few` to `many`, and so many hang then.
macro_rules! begins_more_at_once {
    ($($name:ident: $few:literal to $many:literal, |$gauge:ident, $runtime:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let ($gauge, $runtime) = (Gauge::new(), Handle::current());
            let gauge = $gauge.clone();
            let running = $pipeline.spawn();
            gauge.until_running($few).await;
            let handle = running.handle();
            handle.set_count("calls", $many).unwrap();
            gauge.until_running($many).await;
            handle.set_count("calls", 2 * $many).unwrap();
            gauge.until_running(2 * $many).await;
            gauge.gate.add_permits(1000);
            let report = running.await.unwrap();
            assert!(report.conserved(), "{report}");
        }
    )*};
}

/// A call that hangs in a task or a thread.
fn hang(gauge: &Gauge, runtime: &Handle, item: u64) -> u64 {
    tokio::task::block_in_place(|| runtime.block_on(gauge.pass(item)))
}

begins_more_at_once! {
    // A task drives them all.
    few_futures_begin_more_at_once: 1 to 3, |gauge, _runtime| pipeline! {
        [0..1000_u64]
        use gauge;
        :async 1 map(|item| async move { gauge.pass(item).await }) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    // A task for each core.
    many_futures_begin_more_at_once: 64 to 100, |gauge, _runtime| pipeline! {
        [0..1000_u64]
        use gauge;
        :async 64 map(|item| async move { gauge.pass(item).await }) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    futures_by_key_begin_more_at_once: 3 to 5, |gauge, _runtime| pipeline! {
        [0..1000_u64]
        use gauge;
        :async 3 map(|item| async move { gauge.pass(item).await }) with { name: "calls", by: |item| *item },
        :drive sink::each(|_item| ())
    };
    futures_that_multiply_begin_more_at_once: 2 to 5, |gauge, _runtime| pipeline! {
        [0..1000_u64]
        use gauge;
        :async 2 flat_map(|item| async move { Some(gauge.pass(item).await) }) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    threads_begin_more_at_once: 1 to 3, |gauge, runtime| pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        :block 1 map(|item| hang(&gauge, &runtime, item)) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    threads_of_the_pool_begin_more_at_once: 2 to 9, |gauge, runtime| pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        :block 2 map(|item| hang(&gauge, &runtime, item)) with { name: "calls", pool },
        :drive sink::each(|_item| ())
    };
    threads_that_multiply_begin_more_at_once: 2 to 9, |gauge, runtime| pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        :block 2 flat_map(|item| Some(hang(&gauge, &runtime, item))) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    tasks_begin_more_at_once: 1 to 3, |gauge, runtime| pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        // A count of 1 is fused.
        (1) map(|item| hang(&gauge, &runtime, item)) with { name: "calls" },
        :drive sink::each(|_item| ())
    };
    tasks_by_key_begin_more_at_once: 2 to 5, |gauge, runtime| pipeline! {
        [0..1000_u64]
        use gauge, runtime;
        2 map(|item| hang(&gauge, &runtime, item)) with { name: "calls", by: |item| *item },
        :drive sink::each(|_item| ())
    };
    writes_begin_more_at_once: 1 to 3, |gauge, _runtime| pipeline! {
        [0..1000_u64]
        use gauge;
        map(|item| item),
        :drive sink::each_async(move |item| { let gauge = gauge.clone(); async move { gauge.pass(item).await; } }) with { name: "calls" }
    };
}
