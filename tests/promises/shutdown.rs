//! Promises 18, 19 and 20: drain, its deadline, and stopping more than once.

use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fakes::{Gate, Kept, Level, ThenNever, counted, eventually, idle, in_time};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn drain_processes_everything_that_the_source_had_given() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! {
        [ThenNever::after(1003)]
        :async 4 map(|x| async move {
            tokio::time::sleep(Duration::from_millis(x % 3)).await;
            x
        }) with { window: 20 },
        batch(10),
        :drive sink
    }
    .spawn();
    // While the pipeline is full, and while an open batch waits for its tenth item.
    idle().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(kept.items.len(), 100);
    let report = in_time(running.drain(SOON)).await.unwrap();
    let batches = kept.items.take();
    assert_eq!(
        batches.last().unwrap(),
        &[1000, 1001, 1002],
        "the open batch was not flushed"
    );
    assert!(batches.into_iter().flatten().eq(0..1003));
    assert_eq!(kept.flushes.get(), 1);
    assert!(report.conserved());
    assert_eq!(report.stage("source").unwrap().done, 1003);
}

#[tokio::test(start_paused = true)]
async fn drain_in_the_midst_stops_the_source_first_and_flushes_the_sink_last() {
    let kept = Kept::open();
    let sink = kept.clone();
    let (items, taken) = counted(0_u64..);
    let running = pipeline! {
        [source::iter(items)]
        :async 3 map(|x| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            x
        }) with { window: 5 },
        :async 2 map(|x| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            x
        }) with { buffer: 5, window: 5 },
        :drive sink
    }
    .spawn();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let then = taken.get();
    let report = in_time(running.drain(SOON)).await.unwrap();
    assert_eq!(taken.get(), then, "the source was not stopped first");
    assert!(kept.items.take().into_iter().eq(0..then as u64));
    // `Kept` refuses writes after its flush.
    assert_eq!(kept.flushes.get(), 1);
    assert!(report.conserved());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_waits_for_blocking_calls_and_keeps_what_they_return() {
    let (kept, gate, level) = (Kept::open(), Gate::closed(), Level::default());
    let (sink, pass, inside) = (kept.clone(), gate.clone(), level.clone());
    let (items, taken) = counted(0_u64..);
    let running = pipeline! {
        [source::iter(items)]
        use pass, inside;
        :block 3 map(|x| {
            let _inside = inside.enter();
            pass.block();
            x
        }) with { window: 6 },
        :drive sink
    }
    .spawn();
    eventually("three calls", || level.now() == 3).await;
    let draining = running.drain(Duration::from_mins(1));
    tokio::pin!(draining);
    assert!(futures::poll!(&mut draining).is_pending());
    gate.open();
    let report = in_time(draining).await.unwrap();
    assert!(kept.items.take().into_iter().eq(0..taken.get() as u64));
    assert!(report.conserved());
}

#[tokio::test(start_paused = true)]
async fn drain_keeps_what_a_channel_had_handed_over_and_ends_without_its_senders() {
    let (sender, receiver) = mpsc::channel(100);
    let kept = Kept::open();
    let sink = kept.clone();
    let running =
        pipeline! { [receiver] :async 2 map(|x: u64| async move { x }), :drive sink }.spawn();
    for x in 0..10 {
        sender.send(x).await.unwrap();
    }
    idle().await;
    in_time(running.drain(SOON)).await.unwrap();
    assert!(kept.items.take().into_iter().eq(0..10));
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn drain_reaches_through_an_inner_pipeline() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! {
        [pipeline! { [ThenNever::after(25)] :async 2 map(|x| async move { x }), batch(10) }]
        :async 2 map(|batch| async move { batch }),
        :drive sink
    }
    .spawn();
    idle().await;
    let report = in_time(running.drain(SOON)).await.unwrap();
    assert!(kept.items.take().into_iter().flatten().eq(0..25));
    assert!(report.conserved(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn drain_reaches_through_an_inner_pipeline_that_has_no_workers() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! {
        [pipeline! { [ThenNever::after(25)] map(|x| x) }]
        :async 2 map(|x| async move { x }),
        :drive sink
    }
    .spawn();
    idle().await;
    let report = in_time(running.drain(SOON)).await.unwrap();
    assert!(kept.items.take().into_iter().eq(0..25));
    assert!(report.conserved(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn drain_returns_by_its_deadline_and_names_each_stuck_stage() {
    let level = Level::default();
    let inside = level.clone();
    let running = pipeline! {
        [ThenNever::after(10)]
        use inside;
        :async 10 map(|x| async move {
            let _inside = inside.enter();
            if x >= 7 {
                std::future::pending::<()>().await;
            }
            x
        }) with { name: "first" },
        :async 10 map(|x| async move {
            if x == 4 {
                std::future::pending::<()>().await;
            }
            x
        }) with { name: "second", unordered },
        :drive sink::each(|_x| ())
    }
    .spawn();
    idle().await;
    let started = Instant::now();
    let failure = in_time(running.drain(SOON)).await.unwrap_err();
    assert_eq!(started.elapsed(), SOON);
    assert_eq!(
        failure.to_string(),
        "source: stopped: not drained within 5s: `first` kept 3 items, `second` kept 1 item"
    );
    assert_eq!(level.now(), 0, "stuck futures are cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_returns_by_its_deadline_though_a_blocking_call_does_not() {
    let (gate, level) = (Gate::closed(), Level::default());
    let (pass, inside) = (gate.clone(), level.clone());
    let running = pipeline! {
        [0..3_u64]
        use pass, inside;
        :block 1 map(|x| {
            let _inside = inside.enter();
            if x == 1 {
                pass.block();
            }
            x
        }) with { name: "blocked", window: 2 },
        :drive sink::each(|_x| ())
    }
    .spawn();
    eventually("the call", || {
        running.report().stage("sink").unwrap().done == 1 && level.now() == 1
    })
    .await;
    let failure = in_time(running.drain(Duration::from_millis(20)))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("`blocked` kept"), "{failure}");
    let report = failure.into_report().unwrap();
    assert_eq!(report.threads, ["blocked"]);
    assert!(
        report
            .to_string()
            .contains("thread `blocked` has not returned from a call")
    );
    gate.open();
    eventually("the call returns", || level.now() == 0).await;
    assert_eq!(
        running.report().stage("sink").unwrap().done,
        1,
        "its result is discarded"
    );
}

#[tokio::test(start_paused = true)]
async fn drain_returns_by_its_deadline_though_the_sink_does_not() {
    let kept = Kept::gated();
    let sink = kept.clone();
    let running =
        pipeline! { [ThenNever::after(4)] :async 2 map(|x| async move { x }), :drive sink }.spawn();
    idle().await;
    let failure = in_time(running.drain(SOON)).await.unwrap_err();
    assert!(failure.to_string().contains("`sink` kept "), "{failure}");
    assert_eq!(kept.flushes.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn stopping_twice_is_harmless() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! { [ThenNever::after(9)] :async 2 map(|x| async move { x }), batch(4), :drive sink }.spawn();
    idle().await;
    let (one, two) =
        in_time(async { tokio::join!(running.drain(SOON), running.drain(SOON)) }).await;
    one.unwrap();
    two.unwrap();
    in_time(running.drain(SOON)).await.unwrap();
    let report = in_time(running.abort()).await;
    assert!(report.conserved());
    in_time(running.drain(SOON)).await.unwrap();
    in_time(running).await.unwrap();
    assert!(kept.items.take().into_iter().flatten().eq(0..9));
    assert_eq!(kept.flushes.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_from_several_tasks_is_harmless() {
    let running = std::sync::Arc::new(
        pipeline! {
            [ThenNever::after(9)]
            :async 2 map(|_x| std::future::pending::<()>()),
            :drive sink::each(|()| ())
        }
        .spawn(),
    );
    let stops = (0..8).map(|caller| {
        let running = std::sync::Arc::clone(&running);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(caller)).await;
            if caller % 2 == 0 {
                let _ = running.drain(Duration::from_millis(3)).await;
            } else {
                running.abort().await;
            }
        })
    });
    for stop in stops.collect::<Vec<_>>() {
        in_time(stop).await.unwrap();
    }
    let ended = in_time(running.drain(SOON)).await;
    assert!(matches!(ended.unwrap_err().into_cause(), Cause::Stopped(_)));
}

#[tokio::test(start_paused = true)]
async fn stopping_after_the_end_changes_nothing() {
    let running =
        pipeline! { [0..9_u64] :async 2 map(|x| async move { x }), :drive sink::each(|_x| ()) }
            .spawn();
    idle().await;
    let report = in_time(running.abort()).await;
    assert!(report.conserved());
    assert_eq!(report.stage("sink").unwrap().done, 9);
    in_time(running.drain(SOON)).await.unwrap();
    in_time(running).await.unwrap();
}
