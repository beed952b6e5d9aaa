//! What is asked of the tokio runtime, and what is said where it is missing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue;
use brigade::sink::{Sink, SinkError, Written};
use tokio::runtime::{Builder, Runtime};

use crate::fakes::{Count, Kept, PATIENCE, Quiet, ThenNever, counted, eventually};

/// A runtime without timers, on one thread or two.
fn timeless(threads: usize) -> Runtime {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.build().unwrap()
}

/// Pipelines that cannot do without a timer: none may start.
macro_rules! needs_a_timer {
    ($($name:ident: $says:literal, |$items:ident, $call:ident, $sink:ident| $pipeline:expr;)*) => {$(
        #[test]
        fn $name() {
            for threads in [1, 2] {
                let (kept, calls) = (Kept::open(), Count::default());
                let (items, taken) = counted(0..10_u64);
                let ($items, $sink, counting) = (source::iter(items), kept.clone(), calls.clone());
                let $call = move |x: u64| {
                    counting.add();
                    Ok::<_, String>(x)
                };
                let failure = timeless(threads).block_on($pipeline.run()).unwrap_err();
                let said = failure.to_string();
                assert!(said.contains($says) && said.contains("enable_time"), "{said}");
                assert_eq!((taken.get(), calls.get(), kept.items.len(), kept.flushes.get()), (0, 0, 0, 0));
            }
        }
    )*};
}

needs_a_timer! {
    retries_of_futures_need_a_timer: "it: stopped: it has a `retry`", |items, call, sink| pipeline! {
        [items]
        use call;
        :async 2 map(|x| async move { call(x) })? with { name: "it", retry: Retry::fixed(2, Duration::ZERO) },
        :drive sink
    };
    rates_need_a_timer: "it: stopped: it has a `rate`", |items, call, sink| pipeline! {
        [items] :block 2 map(call) with { name: "it", rate: Rate::per_second(1000) }, :drive sink
    };
    retries_of_threads_need_a_timer: "it: stopped: it has a `retry`", |items, call, sink| pipeline! {
        [items] :block 2 map(call)? with { name: "it", retry: Retry::fixed(2, Duration::ZERO) }, :drive sink
    };
    timeouts_of_futures_need_a_timer: "it: stopped: it has a `timeout`", |items, call, sink| pipeline! {
        [items]
        use call;
        :async 2 map(|x| async move { call(x) })? with { name: "it", timeout: Duration::from_secs(1) },
        :drive sink
    };
    timeouts_of_threads_need_a_timer: "it: stopped: it has a `timeout`", |items, call, sink| pipeline! {
        [items] :block 2 map(call)? with { name: "it", timeout: Duration::from_secs(1) }, :drive sink
    };
    batches_by_age_need_a_timer: "it: stopped: it has batches that end by their age", |items, call, sink| pipeline! {
        [items] map(call)?, batch(3, Duration::from_secs(1)) with { name: "it" }, flat_map(|batch| batch), :drive sink
    };
    an_inner_pipeline_needs_a_timer: "it: stopped: it has a `retry`", |items, call, sink| pipeline! {
        [pipeline! { [items] :block 2 map(call)? with { name: "it", retry: Retry::fixed(2, Duration::ZERO) } }]
        2 map(|x| x),
        :drive sink
    };
    deliveries_need_a_timer: "deliveries whose leases are extended", |items, call, sink| {
        let _ = items;
        let orders = queue::memory::<String>();
        pipeline! {
            [orders.deliveries()]
            map(|order| order.len() as u64),
            map(call)?,
            :drive sink
        }
    };
}

#[test]
fn pipelines_without_timers_run_where_there_are_none() {
    for threads in [1, 2] {
        let kept = Kept::open();
        let sink = kept.clone();
        let run = pipeline! {
            [0..1000_u64]
            2 map(|x| x),
            :block 2 map(|x| x),
            :block 2 map(|x| x) with { pool },
            :async 2 map(|x| async move { x }),
            batch(7),
            flat_map(|batch| batch),
            :drive sink
        }
        .run();
        timeless(threads).block_on(run).unwrap();
        assert!(kept.items.take().into_iter().eq(0..1000));
    }
}

#[test]
fn a_drain_keeps_its_deadline_where_there_are_no_timers() {
    for threads in [1, 2] {
        let (stuck, free) = (Kept::gated(), Kept::open());
        let sinks = [(stuck.clone(), false), (free.clone(), true)];
        for (sink, ends) in sinks {
            timeless(threads).block_on(async {
                let running = pipeline! { [ThenNever::after(5)] 1 map(|x| x), :drive sink }.spawn();
                let deadline = if ends {
                    PATIENCE
                } else {
                    Duration::from_millis(20)
                };
                let handle = running.handle();
                eventually("all are taken", || handle.report().rows[0].emitted == 5).await;
                let started = Instant::now();
                let drained = running.drain(deadline).await;
                assert_eq!(drained.is_ok(), ends, "{drained:?}");
                assert!(started.elapsed() < PATIENCE);
            });
        }
        assert_eq!(free.items.len(), 5);
    }
}

/// What the panic says where a pipeline is polled outside of a runtime.
fn said(start: impl FnOnce()) -> String {
    let _quiet = Quiet::new();
    let panic = catch_unwind(AssertUnwindSafe(start)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

#[test]
fn without_a_runtime_the_panic_names_the_call_and_its_line() {
    use futures::StreamExt as _;
    use futures::executor::block_on;

    let at = |line: u32| format!("at {}:{line}:", file!());
    let line = line!() + 2;
    let collect = || {
        let collect = pipeline! { [0..3_u64] 1 map(|x| x) }.collect::<Vec<_>>();
        let _ = block_on(collect);
    };
    let run = || {
        let run = pipeline! { [0..3_u64] :drive sink::each(|_| ()) }.run();
        let _ = block_on(run);
    };
    let spawn = || {
        let running = pipeline! { [0..3_u64] :drive sink::each(|_| ()) }.spawn();
        drop(running);
    };
    let stream = || {
        let stream = pipeline! { [0..3_u64] map(|x| x) }.stream();
        let _ = block_on(stream.collect::<Vec<_>>());
    };
    let calls: [(&str, &dyn Fn(), u32); 4] = [
        ("`collect`", &collect, 0),
        ("`run`", &run, 4),
        ("`spawn`", &spawn, 8),
        ("`stream`", &stream, 12),
    ];
    for (call, start, below) in calls {
        let said = said(start);
        assert!(
            said.starts_with(call)
                && said.contains(&at(line + below))
                && said.contains("needs a tokio runtime"),
            "{said}"
        );
    }
}

#[test]
fn a_call_made_outside_of_a_runtime_may_be_awaited_in_one() {
    let collect = pipeline! { [0..3_u64] 1 map(|x| x) }.collect::<Vec<_>>();
    assert_eq!(timeless(1).block_on(collect).unwrap(), [0, 1, 2]);
}

/// Away at the first write.
struct Late(Count);

impl Sink<u64> for Late {
    async fn write(&self, items: Vec<u64>) -> Result<Written, SinkError<u64>> {
        if self.0.add() == 0 {
            return Err(SinkError::away("not yet").with_items(items));
        }
        Ok(Written::all())
    }
}

#[test]
fn a_sink_that_is_away_is_waited_for_where_there_are_no_timers() {
    let writes = Count::default();
    let late = Late(writes.clone());
    let run = pipeline! { [0..3_u64] :drive late }.run();
    let report = timeless(1).block_on(run).unwrap();
    assert_eq!(report.rows[1].done, 3);
    assert!(writes.get() > 1);
}
