//! Promises 6, 12, 13 and 16: what a failing item does to its neighbours and to the pipeline.

use brigade::Stop;
use brigade::prelude::*;
use brigade::source::{Flow, Pulled, Source, SourceError};
use tokio::sync::mpsc;

use crate::fakes::{Gate, Kept, Level, Log, counted, eventually, idle, in_time};

const BAD: u64 = 7;

fn odd_one_out(x: u64) -> Result<u64, String> {
    if x % 10 == BAD {
        Err(format!("bad {x}"))
    } else if x % 10 == BAD + 1 {
        panic!("worse {x}")
    } else {
        Ok(x)
    }
}

/// Runs a pipeline of [`odd_one_out`] on 0 to 99, and looks at both its ends.
macro_rules! spares_the_neighbours {
    ($($name:ident: |$errors:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let failures = Kept::open();
            let $errors = failures.clone();
            let output: Vec<u64> = in_time($pipeline.collect()).await.unwrap();
            let good: Vec<u64> = (0..100).filter(|x| x % 10 < BAD || x % 10 > BAD + 1).collect();
            assert_eq!(output, good);
            let mut said: Vec<_> = failures.items.take().iter().map(Failure::<()>::to_string).collect();
            said.sort();
            let mut expected: Vec<_> = (0..10)
                .flat_map(|ten| [
                    format!("it: bad {}", 10 * ten + BAD),
                    format!("it: panicked: worse {}", 10 * ten + BAD + 1),
                ])
                .collect();
            expected.sort();
            assert_eq!(said, expected);
        }
    )*};
}

spares_the_neighbours! {
    a_failing_map_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] map(odd_one_out)? with { name: "it" }
    };
    a_failing_filter_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] filter(|x| odd_one_out(*x).map(|_| true))? with { name: "it" }
    };
    a_failing_filter_map_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] 3 filter_map(|x| odd_one_out(x).map(Some))? with { name: "it" }
    };
    a_failing_flat_map_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] :block 3 flat_map(|x| odd_one_out(x).map(|x| [x]))? with { name: "it" }
    };
    a_failing_tap_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] :async 3 tap(|x| async move { odd_one_out(*x) })? with { name: "it" }
    };
    a_failing_task_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] 3 map(odd_one_out)? with { name: "it" }
    };
    a_failing_block_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] :block 3 map(odd_one_out)? with { name: "it" }
    };
    a_failing_block_on_the_pool_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] :block 3 map(odd_one_out)? with { name: "it", pool }
    };
    a_failing_future_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors]
        :async 3 map(|x| async move {
            tokio::task::yield_now().await;
            odd_one_out(x)
        })? with { name: "it" }
    };
    a_failing_call_that_should_make_a_future_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors]
        :async 3 map(|x: u64| {
            let now = odd_one_out(x);
            async move { now }
        })? with { name: "it" }
    };
    a_failing_stage_behind_a_batch_spares_its_neighbours: |errors| pipeline! {
        [0..100_u64, errors] batch(1), map(|batch| odd_one_out(batch[0]))? with { name: "it" }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_the_output_is_full_is_a_failure_of_its_item() {
    let kept = Kept::gated();
    let failures = Kept::open();
    let (sink, errors) = (kept.clone(), failures.clone());
    let running = pipeline! {
        [0..10_u64, errors]
        :async 4 map(|x| async move {
            tokio::task::yield_now().await;
            assert!(x % 2 == 0, "odd");
            x
        }) with { buffer: 1, window: 4 },
        :drive sink with { buffer: 1 }
    }
    .spawn();
    eventually("a panic", || failures.items.len() > 0).await;
    kept.gate.open();
    let report = in_time(running).await.unwrap();
    assert_eq!(kept.items.take(), [0, 2, 4, 6, 8]);
    assert_eq!(report.stage("map").unwrap().failed, 5);
    assert!(
        failures
            .items
            .take()
            .iter()
            .all(|failure| matches!(failure.cause(), Cause::Panic(said) if said == "odd"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_with_a_payload_that_panics_when_dropped_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let failures = Kept::open();
    let errors = failures.clone();
    let output: Vec<u64> = in_time(
        pipeline! {
            [0..3_u64, errors]
            :block 2 map(|x| if x == 1 { std::panic::panic_any(Bomb) } else { x })
        }
        .collect(),
    )
    .await
    .unwrap();
    assert_eq!(output, [0, 2]);
    assert_eq!(failures.items.len(), 1);
}

/// An item that takes its worker with it.
struct Fatal(u64);

impl Drop for Fatal {
    fn drop(&mut self) {
        assert!(self.0 != 500, "dropped the wrong one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_that_panics_is_never_a_clean_end() {
    for kind in 0..4 {
        let items = source::iter((0..1000).map(Fatal));
        let output = match kind {
            0 => tokio::spawn(
                pipeline! { [items] filter(|_x| false), 2 map(|x| x) }.collect::<Vec<_>>(),
            ),
            1 => tokio::spawn(pipeline! { [items] :block 2 filter(|_x| false) }.collect()),
            2 => tokio::spawn(
                pipeline! { [items] :block 2 filter(|_x| false) with { pool } }.collect(),
            ),
            _ => {
                tokio::spawn(pipeline! { [items] :async 2 filter(|_x| async { false }) }.collect())
            }
        };
        let ended = in_time(output).await.unwrap().map(|output| output.len());
        assert!(ended.is_err(), "kind {kind}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_source_is_never_a_clean_end() {
    let failures = Kept::<Failure>::open();
    let items = (0..100_u64).inspect(|x| assert!(*x < 50, "no more"));
    let errors = failures.clone();
    let ended = in_time(
        pipeline! { [source::iter(items), errors] :block 2 map(|x| x), :drive sink::each(|_x| ()) }
            .run(),
    )
    .await;
    let failure = ended.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Source(why)) if why.to_string().contains("no more")),
        "{failure}"
    );
    let report = failure.into_report().unwrap();
    assert!(report.conserved());
    assert_eq!(
        report.stage("sink").unwrap().done,
        report.stage("source").unwrap().done
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_function_of_a_sink_fails_its_item_alone() {
    let failures = Kept::<Failure>::open();
    for asynchronous in [false, true] {
        let errors = failures.clone();
        let write = |x: u64| assert!(x != 50, "not this one");
        let report = if asynchronous {
            in_time(pipeline! { [0..100_u64, errors] :drive sink::each_async(move |x| async move { write(x) }) }.run()).await
        } else {
            in_time(
                pipeline! { [0..100_u64, errors] :block 2 map(|x| x), :drive sink::each(write) }
                    .run(),
            )
            .await
        };
        let report = report.unwrap();
        assert_eq!(report.stage("sink").unwrap().failed, 1, "{report}");
        assert!(report.conserved());
        let failures = failures.items.take();
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].to_string(), "sink: panicked: not this one");
    }
}

#[tokio::test(start_paused = true)]
async fn fail_fast_returns_the_first_failure_and_cancels_the_other_calls() {
    let (level, gate, kept) = (Level::default(), Gate::closed(), Kept::open());
    let (inside, pass, sink) = (level.clone(), gate.clone(), kept.clone());
    let running = pipeline! {
        [0..100_u64]
        use inside, pass;
        :async 10 map(|x| async move {
            let _inside = inside.enter();
            if x == 5 {
                pass.pass().await;
                return Err("the fifth");
            }
            std::future::pending::<()>().await;
            Ok(x)
        })?,
        :drive sink
    }
    .spawn();
    idle().await;
    assert_eq!(level.now(), 10);
    gate.open();
    let failure = in_time(running).await.unwrap_err();
    assert_eq!(failure.to_string(), "map: the fifth");
    assert_eq!(failure.attempts(), 1);
    assert_eq!(level.now(), 0, "calls that were not cancelled");
    assert_eq!(level.peak(), 10, "calls that were begun after the failure");
    assert_eq!(kept.items.len(), 0);
    assert_eq!(
        kept.flushes.get(),
        0,
        "a sink that is flushed takes the run for complete"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_fast_returns_exactly_one_error_however_many_items_fail() {
    for _ in 0..20 {
        let mut stream = pipeline! {
            [0..1000_u64] :block 4 map(|x| Err::<u64, _>(format!("bad {x}")))?, 2 map(|x| x)
        }
        .stream();
        let failure = in_time(stream.next()).await.unwrap().unwrap_err();
        assert!(failure.to_string().starts_with("map: bad "), "{failure}");
        assert!(in_time(stream.next()).await.is_none());
    }
}

/// The stages run in the stream's own poll, item by item.
#[tokio::test(start_paused = true)]
async fn a_stream_of_plain_stages_loses_no_failure() {
    let failures = Kept::<Failure<u64>>::open();
    let errors = failures.clone();
    let mut stream = pipeline! {
        [0..200_u64, errors]
        push_task(item),
        map(|m| if m.item % 2 == 0 { Ok(m.item) } else { Err("odd") })?,
    }
    .stream();
    let handle = stream.handle();
    let mut items = Vec::new();
    while let Some(item) = in_time(stream.next()).await {
        items.push(item.unwrap());
    }
    assert!(items.iter().copied().eq((0..200).step_by(2)));
    let failed: Vec<_> = failures.items.take();
    assert_eq!(failed.len(), 100);
    let report = handle.report();
    assert_eq!(report.stage("map").unwrap().failed, 100);
    assert!(report.conserved());
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_plain_stages_ends_with_the_failure_of_its_last_item() {
    let mut stream = pipeline! { [["1", "x"]] map(str::parse::<u32>)? }.stream();
    assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), 1);
    let failure = in_time(stream.next()).await.unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "parse: invalid digit found in string");
    assert!(in_time(stream.next()).await.is_none());
}

/// A source that brings one item, and then breaks.
struct Breaks(bool);

impl Source for Breaks {
    type Item = u8;

    async fn pull(&mut self, _max: usize, out: &mut Pulled<u8>) -> Result<Flow, SourceError> {
        if std::mem::replace(&mut self.0, true) {
            return Err(SourceError::new("it broke"));
        }
        out.push(1);
        Ok(Flow::More)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_plain_stages_tells_that_its_source_broke() {
    let mut stream = pipeline! { [Breaks(false)] map(|x| x) }.stream();
    assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), 1);
    let failure = in_time(stream.next()).await.unwrap().unwrap_err();
    assert!(failure.to_string().contains("it broke"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_fast_stops_taking_input() {
    let (items, taken) = counted(0_u64..);
    let run = pipeline! {
        [source::iter(items)]
        :block 2 map(|x| if x == 100 { Err("enough") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .run();
    let failure = in_time(run).await.unwrap_err();
    assert_eq!(failure.to_string(), "map: enough");
    let report = failure.into_report().unwrap();
    assert_eq!(report.stage("source").unwrap().done, taken.get() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_full_errors_end_holds_the_pipeline_back_and_loses_nothing() {
    let (errors, mut failures) = mpsc::channel(1);
    let (items, taken) = counted(0..1000_u64);
    let pipeline = pipeline! {
        [source::iter(items), errors]
        push_task(item),
        :async 4 let _never = async { Err::<u64, _>(*item) }.await.map_err(|x| x.to_string())?
            with { window: 8 },
        map(|m| m.item),
        :drive sink::each(|_x| ())
    };
    let most = pipeline.plan().max_items;
    let running = pipeline.spawn();
    idle().await;
    // One waits in the channel, which is the user's.
    assert!(
        taken.get() <= most + 1,
        "{} taken, at most {most}",
        taken.get()
    );
    let mut lost: std::collections::BTreeSet<u64> = (0..1000).collect();
    while !lost.is_empty() {
        let failure = in_time(failures.recv()).await.unwrap();
        assert!(lost.remove(&failure.into_task().unwrap()));
    }
    let report = in_time(running).await.unwrap();
    assert!(report.conserved());
    assert_eq!(report.rows.iter().map(|row| row.failed).sum::<u64>(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_errors_end_holds_threads_back_and_loses_nothing() {
    let (log, gate) = (Log::default(), Gate::closed());
    let (failures, pass) = (log.clone(), gate.clone());
    let errors = sink::each_async(move |failure: Failure| {
        let (failures, pass) = (failures.clone(), pass.clone());
        async move {
            pass.pass().await;
            failures.push(failure);
        }
    });
    let (items, taken) = counted(0..1000_u64);
    let pipeline = pipeline! {
        [source::iter(items), errors]
        :block 3 map(|x| Err::<u64, _>(x.to_string()))? with { window: 9 },
        :drive sink::each(|_x| ()) with { buffer: 4 }
    };
    let most = pipeline.plan().max_items;
    let running = pipeline.spawn();
    eventually("something is taken", || taken.get() >= 3).await;
    assert!(taken.get() <= most);
    gate.open();
    in_time(running).await.unwrap();
    assert_eq!(log.len(), 1000);
    assert_eq!(taken.get(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_errors_end_that_is_gone_stops_the_pipeline() {
    let (errors, failures) = mpsc::channel::<Failure>(1);
    drop(failures);
    let (items, _taken) = counted(0_u64..);
    let run = pipeline! {
        [source::iter(items), errors]
        :block 2 map(|x| if x % 100 == 99 { Err("bad") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .run();
    let failure = in_time(run).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::ErrorsEnd(_))),
        "{failure}"
    );
    assert!(failure.to_string().contains("errors end"), "{failure}");
}
