//! A count is a ceiling: workers are made as they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::prelude::*;

/// The most tasks and threads that a few items may cost, whatever the count.
const FEW: usize = 300;

/// Pipelines whose only stage has a count of `count`: a ceiling, so that no more workers are made than are needed.
macro_rules! makes_workers_as_they_are_needed {
    ($($name:ident: |$count:ident, $call:ident, $sink:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for $count in [10_000_000, usize::MAX / 2 + 1, usize::MAX] {
                let (items, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                let (written, seen) = (Arc::clone(&items), Arc::clone(&peak));
                let metrics = tokio::runtime::Handle::current().metrics();
                let $call = move |item: u64| {
                    seen.fetch_max(metrics.num_alive_tasks(), Ordering::SeqCst);
                    item
                };
                let $sink = sink::each(move |_item: u64| {
                    written.fetch_add(1, Ordering::SeqCst);
                });
                let pipeline = $pipeline;
                assert!(!pipeline.plan().to_string().is_empty());
                let run = tokio::time::timeout(Duration::from_secs(30), pipeline.run());
                let report = run.await.expect("it hangs").unwrap();
                assert!(report.conserved(), "{report}");
                assert_eq!(items.load(Ordering::SeqCst), 100);
                assert!(peak.load(Ordering::SeqCst) <= FEW, "{peak:?} tasks");
            }
        }
    )*};
}

makes_workers_as_they_are_needed! {
    tasks_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] (count) map(call), :drive sink
    };
    threads_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] :block (count) map(call), :drive sink
    };
    threads_of_the_pool_are_taken_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] :block (count) map(call) with { pool }, :drive sink
    };
    places_for_futures_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] use call; :async (count) map(|x| { let x = call(x); async move { x } }), :drive sink
    };
    writers_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] map(call), :drive (count) sink
    };
    tasks_with_many_outputs_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..50_u64] map(call), (count) flat_map(|x| [x, x]), :drive sink
    };
    threads_with_many_outputs_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..50_u64] map(call), :block (count) flat_map(|x| [x, x]), :drive sink
    };
    futures_with_many_outputs_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..50_u64] map(call), :async (count) flat_map(|x| async move { [x, x] }), :drive sink
    };
    threads_that_try_again_are_made_as_they_are_needed: |count, call, sink| pipeline! {
        [0..100_u64] :block (count) map(|x| Ok::<_, String>(call(x)))? with { retry: Retry::fixed(2, Duration::ZERO) },
        :drive sink
    };
    the_largest_bounds_are_only_ceilings: |count, call, sink| pipeline! {
        [0..100_u64]
        :block 2 map(call) with { window: count, buffer: count },
        :async 2 map(|x| async move { x }) with { buffer: count },
        batch(count),
        flat_map(|items| items),
        :drive sink with { buffer: count }
    };
}
