//! Promises 2, 11 and 25: what is refused before it starts, what happens when nobody wants more, and what a pipeline
//! that never runs does.

use std::num::NonZeroUsize;

use brigade::Stop;
use brigade::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::fakes::{Count, Gate, Kept, Level, counted, eventually, idle, in_time};

/// Runs pipelines whose number `zero` is 0: none may start.
macro_rules! refuses_zero {
    ($($name:ident: $says:literal, |$zero:ident, $items:ident, $sink:ident, $call:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let ($zero, kept, calls) = (0, Kept::open(), Count::default());
            let (items, taken) = counted(0..10_u64);
            let ($items, $sink, counting) = (source::iter(items), kept.clone(), calls.clone());
            let $call = move |x: u64| {
                counting.add();
                x
            };
            let failure = in_time($pipeline.run()).await.unwrap_err();
            assert!(matches!(failure.cause(), Cause::Stopped(Stop::Invalid(why)) if why.to_string().contains($says)), "{failure}");
            assert_eq!((taken.get(), calls.get(), kept.items.len(), kept.flushes.get()), (0, 0, 0, 0));
            let threads = failure.into_report().unwrap().threads;
            assert!(threads.is_empty(), "{threads:?}");
        }
    )*};
}

refuses_zero! {
    a_count_of_0_tasks_is_an_error_before_anything_starts: "stage `it` has a count of 0",
        |zero, items, sink, call| pipeline! { [items] (zero) map(call) with { name: "it" }, :drive sink };
    a_count_of_0_threads_is_an_error_before_anything_starts: "stage `it` has a count of 0",
        |zero, items, sink, call| pipeline! { [items] :block (zero) map(call) with { name: "it" }, :drive sink };
    a_count_of_0_futures_is_an_error_before_anything_starts: "stage `it` has a count of 0",
        |zero, items, sink, call| pipeline! {
            [items] map(call), :async (zero) map(|x| async move { x }) with { name: "it" }, :drive sink
        };
    a_count_of_0_writers_is_an_error_before_anything_starts: "stage `sink` has a count of 0",
        |zero, items, sink, call| pipeline! { [items] :block 2 map(call), :drive (zero) sink };
    a_buffer_of_0_is_an_error_before_anything_starts: "stage `it` has a buffer of 0",
        |zero, items, sink, call| pipeline! { [items] 2 map(call) with { name: "it", buffer: zero }, :drive sink };
    a_window_of_0_is_an_error_before_anything_starts: "stage `it` has a window of 0",
        |zero, items, sink, call| pipeline! { [items] 2 map(call) with { name: "it", window: zero }, :drive sink };
    batches_of_0_are_an_error_before_anything_starts: "stage `it` has batches of 0",
        |zero, items, sink, call| pipeline! { [items] map(call), batch(zero) with { name: "it" }, :drive sink };
    a_count_of_0_in_an_inner_pipeline_is_an_error_before_anything_starts: "stage `it` has a count of 0",
        |zero, items, sink, call| pipeline! {
            [pipeline! { [items] :block (zero) map(|x| x) with { name: "it" } }] 2 map(call), :drive sink
        };
}

#[tokio::test]
async fn a_count_of_0_is_an_error_of_collect_and_stream_too() {
    let zero = NonZeroUsize::MIN.get() - 1;
    let collected =
        in_time(pipeline! { [0..10_u64] :block (zero) map(|x| x) }.collect::<Vec<_>>()).await;
    assert!(matches!(
        collected.unwrap_err().into_cause(),
        Cause::Stopped(_)
    ));
    let mut stream = pipeline! { [0..10_u64] :async (zero) map(|x| async move { x }) }.stream();
    assert!(matches!(
        in_time(stream.next())
            .await
            .unwrap()
            .unwrap_err()
            .into_cause(),
        Cause::Stopped(_)
    ));
    assert!(in_time(stream.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_goes_away_stops_the_stages_and_cancels_async_work() {
    let (sender, mut receiver) = mpsc::channel(1);
    let (level, finished) = (Level::default(), Count::default());
    let (inside, finishing) = (level.clone(), finished.clone());
    let (items, taken) = counted(0_u64..);
    let running = pipeline! {
        [source::iter(items)]
        use inside, finishing;
        :async 5 map(|x| async move {
            let _inside = inside.enter();
            if x >= 10 {
                std::future::pending::<()>().await;
            }
            finishing.add();
            x
        }) with { window: 8 },
        :drive sender
    }
    .spawn();
    assert_eq!(in_time(receiver.recv()).await, Some(0));
    drop(receiver);
    let failure = in_time(running).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Sink(why)) if why.to_string().contains("receiver is gone")),
        "{failure}"
    );
    assert_eq!(level.now(), 0, "async work was not cancelled");
    let then = taken.get();
    idle().await;
    assert_eq!(taken.get(), then, "input is still taken");
    assert!(finished.get() <= 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_goes_away_stops_the_stages_and_blocking_work_is_waited_for() {
    let (sender, receiver) = mpsc::channel(1);
    let (level, gate) = (Level::default(), Gate::closed());
    let (inside, pass) = (level.clone(), gate.clone());
    let (items, taken) = counted(0_u64..);
    let mut running = pipeline! {
        [source::iter(items)]
        use inside, pass;
        :block 2 map(|x| {
            let _inside = inside.enter();
            if x > 2 {
                pass.block();
            }
            x
        }) with { window: 4 },
        :drive sender with { buffer: 1 }
    }
    .spawn();
    eventually("two calls block", || level.now() == 2 && taken.get() >= 5).await;
    drop(receiver);
    let handle = running.handle();
    eventually("the stage is told", || handle.report().rows[2].entered > 0).await;
    assert!(
        futures::poll!(&mut running).is_pending(),
        "blocking work was not waited for"
    );
    gate.open();
    let failure = in_time(running).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Sink(_))),
        "{failure}"
    );
    assert_eq!(level.now(), 0);
    assert!(failure.into_report().unwrap().threads.is_empty());
    // What the sink and the stage may hold: the sink may be told late that the receiver is gone.
    assert!(taken.get() <= 12, "{} taken", taken.get());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_stops_the_stages_and_cancels_async_work() {
    let level = Level::default();
    let inside = level.clone();
    let (items, taken) = counted(0_u64..);
    let mut stream = pipeline! {
        [source::iter(items)]
        use inside;
        :async 5 map(|x| async move {
            let _inside = inside.enter();
            if x > 0 {
                std::future::pending::<()>().await;
            }
            x
        })
    }
    .stream();
    assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), 0);
    idle().await;
    assert_eq!(level.now(), 5);
    let then = taken.get();
    drop(stream);
    idle().await;
    assert_eq!(level.now(), 0);
    assert_eq!(taken.get(), then);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_never_runs_does_nothing_when_dropped() {
    let (kept, calls) = (Kept::open(), Count::default());
    let (items, taken) = counted(0..10_u64);
    let (sink, counting) = (kept.clone(), calls.clone());
    let tasks = Handle::current().metrics().num_alive_tasks();
    let pipeline = pipeline! {
        [source::iter(items)]
        :block 2 map(move |x| {
            counting.add();
            x
        }) with { name: "never-runs" },
        :async 2 map(|x| async move { x }),
        :drive sink
    };
    let _ = pipeline.plan();
    drop(pipeline);
    let unpolled = pipeline! { [0..10_u64] :async 2 map(|x| async move { x }) }.collect::<Vec<_>>();
    drop(unpolled);
    let unpolled = pipeline! { [0..10_u64] :async 2 map(|x| async move { x }) }.stream();
    drop(unpolled);
    idle().await;
    assert_eq!(
        (
            taken.get(),
            calls.get(),
            kept.items.len(),
            kept.flushes.get()
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    assert!(
        !crate::fakes::threads()
            .iter()
            .any(|name| name == "never-runs")
    );
}
