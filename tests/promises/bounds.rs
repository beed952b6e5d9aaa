//! Promise 9: with the consumer stopped, a pipeline holds what its plan prints and no more.

use std::thread;
use std::time::Duration;

use brigade::Plan;
use brigade::prelude::*;
use futures::StreamExt;

use crate::fakes::{Alive, Gate, Level, alive, eventually, in_time};

/// Waits until nothing changes any more. (Too short a look can miss a broken bound, never see one that is not.)
async fn settled(level: &Level) {
    let mut same = 0;
    while same < 20 {
        let before = level.now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        same = if level.now() == before { same + 1 } else { 0 };
    }
}

/// Streams one item, stops, and counts what is alive; then takes the rest.
async fn holds_what_the_plan_prints<S>(plan: Plan, level: Level, exact: bool, mut output: S)
where
    S: futures::Stream<Item = Result<u64, Failure>> + Unpin,
{
    in_time(output.next()).await.unwrap().unwrap();
    settled(&level).await;
    assert!(
        level.peak() <= plan.max_items,
        "{} held\n{plan}",
        level.peak()
    );
    if exact {
        assert!(
            level.now() + 1 >= plan.max_items,
            "{} held\n{plan}",
            level.now()
        );
    }
    let mut taken = 1;
    while let Some(item) = in_time(output.next()).await {
        item.unwrap();
        taken += 1;
    }
    assert!(
        level.peak() <= plan.max_items,
        "{} held\n{plan}",
        level.peak()
    );
    assert_eq!(taken, 3000);
    eventually("everything is dropped", || level.now() == 0).await;
}

/// Pipelines of [`Alive`] items, 3000 of them, that emit their numbers; whether all of the bound is used when the
/// consumer stops.
macro_rules! holds_what_its_plan_prints {
    ($($name:ident: $exact:literal, |$items:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (items, level) = alive(0..3000);
            let $items = source::iter(items);
            let pipeline = $pipeline;
            let plan = pipeline.plan();
            // The consumer drops each item as it takes it.
            let output = pipeline.stream().map(|item| item.map(|item: Alive| item.id));
            holds_what_the_plan_prints(plan, level, $exact, output).await;
        }
    )*};
}

holds_what_its_plan_prints! {
    an_inline_pipeline_holds_what_its_plan_prints: false, |items| pipeline! { [items] map(|x| x) };
    a_task_holds_what_its_plan_prints: true, |items| pipeline! { [items] 1 map(|x| x) with { window: 5 } };
    tasks_hold_what_their_plan_prints: true, |items| pipeline! { [items] 4 map(|x| x) with { window: 5 } };
    a_thread_holds_what_its_plan_prints: true, |items| pipeline! { [items] :block 1 map(|x| x) with { window: 1 } };
    threads_hold_what_their_plan_prints: true, |items| pipeline! { [items] :block 3 map(|x| x) with { window: 64 } };
    pool_threads_hold_what_their_plan_prints: true, |items| pipeline! {
        [items] :block 3 map(|x| x) with { window: 17, pool }
    };
    unordered_threads_hold_what_their_plan_prints: true, |items| pipeline! {
        [items] :block 3 map(|x| x) with { window: 17, unordered }
    };
    futures_hold_what_their_plan_prints: true, |items| pipeline! {
        [items] :async 3 map(|x| async move { x }) with { window: 7 }
    };
    unordered_futures_hold_what_their_plan_prints: true, |items| pipeline! {
        [items] :async 30 map(|x| async move { tokio::task::yield_now().await; x }) with { window: 70, unordered }
    };
    an_automatic_bound_is_what_its_plan_prints: false, |items| pipeline! { [items] :block 2 map(|x| x) };
    a_chain_holds_what_its_plan_prints: false, |items| pipeline! {
        [items]
        2 map(|x| x) with { window: 4 },
        :block 2 map(|x| x) with { buffer: 3, window: 5 },
        :async 6 map(|x| async move { x }) with { buffer: 7, window: 9 },
        :block 1 map(|x| x) with { buffer: 1, window: 1 }
    };
    a_chain_with_flat_map_holds_what_its_plan_prints: false, |items| pipeline! {
        [items]
        :block 2 flat_map(|x| [x]) with { window: 4 },
        :async 3 flat_map(|x| async move { [x] }) with { buffer: 3, window: 5 },
        1 map(|x| x) with { buffer: 2 }
    };
    a_chain_with_batches_holds_what_its_plan_prints: false, |items| pipeline! {
        [items]
        :block 2 map(|x| x) with { window: 4 },
        batch(10),
        :block 2 map(|x| x) with { buffer: 1, window: 2 },
        flat_map(|batch| batch),
        1 map(|x| x) with { buffer: 3 }
    };
    a_segment_holds_what_its_plan_prints: false, |items| pipeline! {
        [items] through(segment()), 1 map(|x| x) with { buffer: 2 }
    };
    an_inner_pipeline_holds_what_the_plan_prints: false, |items| pipeline! {
        [pipeline! { [items] :block 2 map(|x| x) with { window: 6 } }]
        :block 2 map(|x| x) with { buffer: 2, window: 3 }
    };
}

fn segment() -> Segment<Alive, Alive> {
    pipeline! { :block 2 map(|x| x) with { window: 4 }, :async 2 map(|x| async move { x }) with { buffer: 3, window: 4 } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_with_many_outputs_holds_what_the_plan_prints() {
    // What an item's iterator makes is counted, not the item.
    let level = Level::default();
    let counting = level.clone();
    let pipeline = pipeline! {
        [0..3_u64]
        use counting;
        :block 2 flat_map(|_x| {
            let counting = counting.clone();
            (0..1000).map(move |_| counting.enter())
        }) with { window: 4 },
        :block 1 map(|x| x) with { buffer: 2, window: 3 }
    };
    let plan = pipeline.plan();
    let output = pipeline.stream().map(|item| item.map(|_inside| 0));
    holds_what_the_plan_prints(plan, level, false, output).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driven_pipeline_holds_what_its_plan_prints() {
    let (items, level) = alive(0..3000);
    let gate = Gate::closed();
    let pass = gate.clone();
    let sink = sink::each_async(move |item: Alive| {
        let pass = pass.clone();
        async move {
            pass.pass().await;
            drop(item);
        }
    });
    let pipeline = pipeline! {
        [source::iter(items)]
        :block 2 map(|x| x) with { window: 5 },
        :async 3 map(|x| async move { x }) with { buffer: 4, window: 6 },
        :drive 2 sink with { buffer: 3 }
    };
    let plan = pipeline.plan();
    let running = pipeline.spawn();
    settled(&level).await;
    assert!(
        level.peak() <= plan.max_items,
        "{} held\n{plan}",
        level.peak()
    );
    gate.open();
    in_time(running).await.unwrap();
    assert!(
        level.peak() <= plan.max_items,
        "{} held\n{plan}",
        level.peak()
    );
    assert_eq!(level.now(), 0);
}

/// Pipelines with a slow consumer and automatic bounds: what waits for it is soon worth a moment of its work.
macro_rules! few_items_wait {
    ($($name:ident: |$call:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let $call = |x: u64| {
                thread::sleep(Duration::from_millis(1));
                x
            };
            let _ = &$call;
            let running = $pipeline.spawn();
            let handle = running.handle();
            let waiting = || {
                let report = handle.report();
                let (first, slow) = (report.stage("first").unwrap(), report.stage("slow").unwrap());
                (slow.entered, first.emitted - slow.entered)
            };
            eventually("a few wait", || matches!(waiting(), (100.., ..=32))).await;
            running.abort().await;
        }
    )*};
}

few_items_wait! {
    few_items_wait_for_a_slow_thread: |call| pipeline! {
        [source::iter(0_u64..)] 1 map(|x| x) with { name: "first" }, :block 1 map(call) with { name: "slow" }, :drive sink::each(|_| ())
    };
    few_items_wait_for_a_slow_future: |call| pipeline! {
        [source::iter(0_u64..)]
        :block 1 map(|x| x) with { name: "first" },
        :async 2 map(|x| async move { tokio::time::sleep(Duration::from_millis(1)).await; x }) with { name: "slow" },
        :drive sink::each(|_| ())
    };
    few_outputs_wait_for_a_slow_thread: |call| pipeline! {
        [source::iter(0_u64..)]
        :async 2 flat_map(|x| async move { [x; 100] }) with { name: "first" },
        :block 1 map(call) with { name: "slow" },
        :drive sink::each(|_| ())
    };
}
