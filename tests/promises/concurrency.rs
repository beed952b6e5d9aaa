//! Promises 7, 8, 10 and 14: how many functions run at the same time, and what one slow item holds back.

use std::time::Duration;

use brigade::prelude::*;
use futures::StreamExt;

use crate::fakes::{Count, Gate, Kept, Level, Log, counted, eventually, idle, in_time};

/// Begin and end of each call, in order, if one call never meets another.
fn one_after_the_other() -> Vec<(&'static str, u64)> {
    (0..100).flat_map(|x| [("begin", x), ("end", x)]).collect()
}

#[tokio::test(start_paused = true)]
async fn async_1_is_strictly_sequential() {
    let log = Log::default();
    let calls = log.clone();
    let output: Vec<u64> = pipeline! {
        [0..100_u64]
        use calls;
        :async 1 map(|x| async move {
            calls.push(("begin", x));
            tokio::time::sleep(Duration::from_millis(100 - x)).await;
            calls.push(("end", x));
            x
        })
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(output, (0..100).collect::<Vec<_>>());
    assert_eq!(log.take(), one_after_the_other());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_1_is_strictly_sequential() {
    let log = Log::default();
    let calls = log.clone();
    let output: Vec<u64> = pipeline! {
        [0..100_u64]
        use calls;
        :block 1 map(|x| {
            calls.push(("begin", x));
            std::thread::yield_now();
            calls.push(("end", x));
            x
        })
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(output, (0..100).collect::<Vec<_>>());
    assert_eq!(log.take(), one_after_the_other());
}

#[tokio::test(start_paused = true)]
async fn async_runs_as_many_calls_as_its_count_and_never_more() {
    for n in [1, 2, 3, 20, 100] {
        let (level, gate) = (Level::default(), Gate::closed());
        let (inside, pass) = (level.clone(), gate.clone());
        let mut output = Box::pin(
            pipeline! {
                [0..300_u64]
                use inside, pass;
                :async (n) map(|x| async move {
                    let _inside = inside.enter();
                    pass.pass().await;
                    tokio::time::sleep(Duration::from_millis(x % 7)).await;
                    x
                })
            }
            .collect::<Vec<_>>(),
        );
        assert!(futures::poll!(&mut output).is_pending());
        idle().await;
        assert_eq!(level.now(), n, "the input is not empty");
        gate.open();
        assert_eq!(output.await.unwrap().len(), 300);
        assert_eq!(level.peak(), n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn block_and_tasks_run_as_many_calls_as_their_count_and_never_more() {
    for kind in ["block", "pool", "task"] {
        let (level, gate) = (Level::default(), Gate::closed());
        let (inside, pass) = (level.clone(), gate.clone());
        let call = move |x: u64| {
            let _inside = inside.enter();
            pass.block();
            x
        };
        let output = match kind {
            "block" => {
                tokio::spawn(pipeline! { [0..200_u64] :block 3 map(call) }.collect::<Vec<_>>())
            }
            "pool" => {
                tokio::spawn(pipeline! { [0..200_u64] :block 3 map(call) with { pool } }.collect())
            }
            _ => tokio::spawn(pipeline! { [0..200_u64] 3 map(call) }.collect()),
        };
        eventually("three calls at the same time", || level.now() == 3).await;
        gate.open();
        assert_eq!(in_time(output).await.unwrap().unwrap().len(), 200);
        assert_eq!(level.peak(), 3, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_call_makes_room_for_exactly_one_more() {
    let gates: Vec<Gate> = (0..10).map(|_| Gate::closed()).collect();
    let (started, waits) = (Count::default(), gates.clone());
    let starts = started.clone();
    let output = tokio::spawn(
        pipeline! {
            [0..10_usize]
            use starts, waits;
            :async 4 map(|x| async move {
                starts.add();
                waits[x].pass().await;
            })
        }
        .collect::<Vec<()>>(),
    );
    for (ended, gate) in gates.iter().enumerate() {
        idle().await;
        assert_eq!(started.get(), (4 + ended).min(10));
        gate.open();
    }
    assert_eq!(output.await.unwrap().unwrap().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_sink_writes_as_often_at_the_same_time_as_its_count() {
    let (level, gate) = (Level::default(), Gate::closed());
    let (inside, pass) = (level.clone(), gate.clone());
    let running = pipeline! {
        [0..100_u64]
        :async 8 map(|x| async move { x }) with { buffer: 1 },
        :drive 3 sink::each_async(move |_x| {
            let (inside, pass) = (inside.clone(), pass.clone());
            async move {
                let _inside = inside.enter();
                pass.pass().await;
            }
        }) with { buffer: 8 }
    }
    .spawn();
    idle().await;
    assert_eq!(level.now(), 3);
    gate.open();
    running.await.unwrap();
    assert_eq!(level.peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_slow_item_holds_emission_back_until_the_window_is_full() {
    let gate = Gate::closed();
    let pass = gate.clone();
    let (items, taken) = counted(0..100_u64);
    let mut stream = pipeline! {
        [source::iter(items)]
        use pass;
        :async 2 map(|x| async move {
            if x == 0 {
                pass.pass().await;
            }
            x
        }) with { window: 7 }
    }
    .stream();
    assert!(futures::poll!(stream.next()).is_pending());
    idle().await;
    assert_eq!(taken.get(), 7, "the window is full, and no fuller");
    assert!(futures::poll!(stream.next()).is_pending());
    gate.open();
    let output: Vec<u64> = stream.map(Result::unwrap).collect().await;
    assert_eq!(output, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn one_slow_item_does_not_hold_an_unordered_stage_back() {
    let gate = Gate::closed();
    let pass = gate.clone();
    let mut stream = pipeline! {
        [0..100_u64]
        use pass;
        :async 2 map(|x| async move {
            if x == 0 {
                pass.pass().await;
            }
            x
        }) with { window: 7, unordered }
    }
    .stream();
    for expected in 1..100 {
        assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), expected);
    }
    gate.open();
    assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), 0);
    assert!(in_time(stream.next()).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_slow_call_on_a_thread_does_not_hold_an_unordered_stage_back() {
    let (gate, kept) = (Gate::closed(), Kept::open());
    let (pass, sink) = (gate.clone(), kept.clone());
    let running = pipeline! {
        [0..50_u64]
        use pass;
        :block 2 map(|x| {
            if x == 0 {
                pass.block();
            }
            x
        }) with { window: 7, unordered },
        :drive sink
    }
    .spawn();
    eventually("all others are written", || kept.items.len() == 49).await;
    gate.open();
    in_time(running).await.unwrap();
    assert_eq!(kept.items.take().last(), Some(&0));
}

#[tokio::test(start_paused = true)]
async fn futures_in_flight_are_polled_while_the_output_is_full_and_the_consumer_sleeps() {
    let (begun, ended) = (Count::default(), Count::default());
    let (begins, ends) = (begun.clone(), ended.clone());
    let pipeline = pipeline! {
        [0..100_u64]
        use begins, ends;
        :async 4 map(|x| async move {
            begins.add();
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            ends.add();
            x
        }) with { window: 6 },
    };
    let most = pipeline.plan().max_items;
    let mut stream = pipeline.stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    // The consumer does something else for a long time.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(ended.get(), begun.get(), "a future was forgotten");
    assert!(ended.get() >= most, "the output is not full");
    assert_eq!(stream.count().await, 99);
}
