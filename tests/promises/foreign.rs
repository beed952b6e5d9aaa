//! Promise 137: anything of the user's that panics, `Display` and `Drop` included, ends nothing but its item.

use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::sink::{Sink, SinkError, Written};
use brigade::{Stop, prelude::*};

use crate::fakes::{Count, Quiet, eventually, in_time};

/// An item whose drop panics if it is the odd one out; what lives is counted.
#[derive(Debug)]
struct Brittle {
    id: u64,
    falls: bool,
}

impl Brittle {
    fn new(id: u64) -> Self {
        Self {
            id,
            falls: id % 10 == 3,
        }
    }

    /// What can be dropped.
    fn safe(mut self) -> u64 {
        self.falls = false;
        self.id
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(!self.falls || std::thread::panicking(), "panicked");
    }
}

/// An error that cannot be shown.
#[derive(Debug)]
struct Shy(u64);

impl fmt::Display for Shy {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 2 {
            0 => Err(fmt::Error),
            _ => panic!("panicked"),
        }
    }
}

impl std::error::Error for Shy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        panic!("panicked");
    }
}

/// Items 0 to 99, of which ten fall when a stage drops them: those fail, the others go on, and nothing else happens.
macro_rules! drops_that_panic_fail_their_items_alone {
    ($($name:ident: |$items:ident, $errors:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let _quiet = Quiet::new();
            let failures = sink::collect::<Failure<_>>();
            let ($items, $errors) = (source::iter((0..100).map(Brittle::new)), failures.clone());
            let output: Vec<u64> = in_time($pipeline.collect()).await.unwrap();
            let good: Vec<u64> = (0..100).filter(|x| x % 2 == 0 && x % 10 != 3).collect();
            assert_eq!(output, good);
            let failures = failures.take();
            assert_eq!(failures.len(), 10);
            for failure in failures {
                let _: &Failure<()> = &failure;
                assert!(matches!(failure.cause(), Cause::Panic(said) if said == "panicked"), "{failure}");
            }
        }
    )*};
}

/// Whether the item goes on. The others are dropped.
fn even(item: &Brittle) -> bool {
    item.id.is_multiple_of(2)
}

drops_that_panic_fail_their_items_alone! {
    in_a_filter_that_the_consumer_runs: |items, errors| pipeline! {
        [items, errors] filter(even), map(Brittle::safe)
    };
    in_a_task: |items, errors| pipeline! { [items, errors] 3 filter(even), map(Brittle::safe) };
    in_a_task_of_pure_stages: |items, errors| pipeline! {
        [items, errors] filter(even), 1 map(Brittle::safe)
    };
    on_a_thread: |items, errors| pipeline! { [items, errors] :block 3 filter(even), map(Brittle::safe) };
    on_the_pool: |items, errors| pipeline! {
        [items, errors] :block 3 filter(even) with { pool }, map(Brittle::safe)
    };
    on_a_thread_with_a_timeout: |items, errors| pipeline! {
        [items, errors]
        :block 3 filter(even) with { timeout: Duration::from_secs(60) }, map(Brittle::safe)
    };
    in_a_future: |items, errors| pipeline! {
        [items, errors]
        :async 3 filter(|item: &Brittle| std::future::ready(even(item))), map(Brittle::safe)
    };
    in_a_future_that_waits: |items, errors| pipeline! {
        [items, errors]
        :async 3 filter(|item: &Brittle| {
            let even = even(item);
            async move { tokio::task::yield_now().await; even }
        }),
        map(Brittle::safe)
    };
    in_a_group_that_multiplies: |items, errors| pipeline! {
        [items, errors] filter(even), flat_map(|item| [item.safe()])
    };
    in_a_group_that_multiplies_on_threads: |items, errors| pipeline! {
        [items, errors] :block 3 filter(even), flat_map(|item| [item.safe()])
    };
    behind_a_stage_that_multiplies: |items, errors| pipeline! {
        [items, errors] :block 3 flat_map(|item| [item]), filter(even), map(Brittle::safe)
    };
    behind_a_batch: |items, errors| pipeline! {
        [items, errors]
        batch(1), map(|mut batch: Vec<Brittle>| batch.remove(0)), filter(even), map(Brittle::safe)
    };
    in_a_function_that_owns_it: |items, errors| pipeline! {
        [items, errors] :block 2 filter_map(|item: Brittle| even(&item).then(|| item.safe()))
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_a_record_that_panics_when_it_is_dropped_fails_its_item_alone() {
    let _quiet = Quiet::new();
    let failures = sink::collect::<Failure<u64>>();
    let (forgotten, shadowed, popped) = (failures.clone(), failures.clone(), failures.clone());
    let outputs: [Vec<u64>; 3] = [
        in_time(
            pipeline! {
                [0..100_u64, forgotten]
                push_task(id), let value = Brittle::new(*id), forget(value), pop_task(id)
            }
            .collect(),
        )
        .await
        .unwrap(),
        in_time(
            pipeline! {
                [0..100_u64, shadowed]
                push_task(id), :block 2 let value = Brittle::new(*id), let value = value.id,
                map(|m| m.value)
            }
            .collect(),
        )
        .await
        .unwrap(),
        in_time(
            pipeline! {
                [0..100_u64, popped]
                push_task(id), :async 2 let value = async { Brittle::new(*id) }.await, pop_task(id)
            }
            .collect(),
        )
        .await
        .unwrap(),
    ];
    let good: Vec<u64> = (0..100).filter(|id| id % 10 != 3).collect();
    assert_eq!(outputs, [good.clone(), good.clone(), good]);
    assert_eq!(failures.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_fails_and_then_panics_when_it_is_dropped_fails_once() {
    let _quiet = Quiet::new();
    let failures = sink::collect::<Failure>();
    let errors = failures.clone();
    let items = source::iter((0..100).map(Brittle::new));
    let run = pipeline! {
        [items, errors]
        :block 3 tap(|item| if item.id % 10 < 5 { Err("no") } else { Ok(()) })?,
        :async 3 tap(async |item: &Brittle| if item.id % 10 < 7 { Err("no") } else { Ok(()) })?,
        :drive sink::discard(),
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert!(report.conserved());
    assert_eq!(
        (failures.len(), report.stage("sink").unwrap().done),
        (70, 30)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_panic_where_a_sink_drops_them_fail_alone() {
    let _quiet = Quiet::new();
    let failures = sink::collect::<Failure>();
    let errors = || failures.clone();
    let items = || source::iter((0..100).map(Brittle::new));
    let reports = [
        in_time(pipeline! { [items(), errors()] :drive 2 sink::discard() }.run()).await,
        in_time(pipeline! { [items(), errors()] :drive 2 sink::each(|item| drop(item)) }.run())
            .await,
        in_time(pipeline! { [items(), errors()] :drive sink::each_mut(|item| drop(item)) }.run())
            .await,
        in_time(
            pipeline! { [items(), errors()] :drive 2 sink::each_async(|item| async move { drop(item) }) }
                .run(),
        )
        .await,
        in_time(
            pipeline! { [items(), errors()] filter(even), map(Brittle::safe), :drive sink::discard() }
                .run(),
        )
        .await,
    ];
    for (report, done) in reports.into_iter().zip([90, 90, 90, 90, 50]) {
        let report = report.unwrap();
        assert!(report.conserved(), "{report}");
        assert_eq!(report.stage("sink").unwrap().done, done, "{report}");
    }
    assert_eq!(failures.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_cannot_be_shown_is_a_failure_like_any_other() {
    let _quiet = Quiet::new();
    let failures = sink::collect::<Failure>();
    let errors = failures.clone();
    let run = pipeline! {
        [0..100_u64, errors]
        map(|x| if x < 10 { Err(Shy(x)) } else { Ok(x) })?,
        2 map(|x| if x < 20 { Err(Shy(x)) } else { Ok(x) })?,
        :async 2 map(async |x| if x < 30 { Err(Shy(x)) } else { Ok(x) })?,
        :drive sink::each(|x| if x < 40 { Err(Shy(x)) } else { Ok(()) }),
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(report.stage("sink").unwrap().done, 60);
    let failures = failures.take();
    assert_eq!(failures.len(), 40);
    for failure in failures {
        let (short, long) = (failure.to_string(), format!("{failure:#}"));
        for text in [short, long] {
            assert!(
                text.contains("(its `Display` failed)")
                    || text.contains("(its `Display` panicked: panicked)"),
                "{text}"
            );
        }
        assert!(
            failure
                .cause()
                .error()
                .is_some_and(<dyn std::error::Error>::is::<Shy>)
        );
    }
    let run = pipeline! { [0..100_u64] 2 map(|x| if x == 51 { Err(Shy(x)) } else { Ok(x) })?, :drive sink::discard() }.run();
    let failure = in_time(run).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "map: (its `Display` panicked: panicked)"
    );
}

/// Panics with something whose drop panics.
fn bomb() -> ! {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "panicked");
        }
    }
    panic_any(Bomb)
}

/// A sink that panics with a bomb where it is told to.
struct Bombs {
    writes: bool,
    flushes: bool,
}

impl<T: Send + 'static> Sink<T> for Bombs {
    async fn write(&self, _items: Vec<T>) -> Result<Written, SinkError<T>> {
        if self.writes {
            bomb();
        }
        Ok(Written::all())
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        if self.flushes {
            bomb();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_panic_carries_may_panic_when_it_is_dropped() {
    let _quiet = Quiet::new();
    let failures = sink::collect::<Failure>();
    let errors = || failures.clone();
    let odd = |x: u64| {
        if x % 2 == 1 {
            bomb()
        }
    };
    let reports = [
        in_time(pipeline! { [0..10_u64, errors()] 2 tap(move |x| odd(*x)), :drive sink::discard() }.run()).await,
        in_time(pipeline! { [0..10_u64, errors()] :async 2 tap(async move |x: &u64| odd(*x)), :drive sink::discard() }.run()).await,
        in_time(pipeline! { [0..10_u64, errors()] :drive 2 sink::each(odd) }.run()).await,
        in_time(pipeline! { [0..10_u64, errors()] :drive sink::each_mut(odd) }.run()).await,
        in_time(pipeline! { [0..10_u64, errors()] :drive 2 sink::each_async(move |x| async move { odd(x) }) }.run()).await,
    ];
    for report in reports {
        let report = report.unwrap();
        assert_eq!(
            (report.stage("sink").unwrap().done, report.conserved()),
            (5, true),
            "{report}"
        );
    }
    assert_eq!(failures.len(), 25);
    let sink = Bombs {
        writes: true,
        flushes: false,
    };
    in_time(pipeline! { [0..10_u64, errors()] :drive sink }.run())
        .await
        .unwrap();
    assert_eq!(failures.len(), 35);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_that_panic_stop_the_pipeline_and_say_so() {
    let _quiet = Quiet::new();
    let sink = Bombs {
        writes: false,
        flushes: true,
    };
    let flush = in_time(pipeline! { [0..10_u64] :drive sink }.run())
        .await
        .unwrap_err();
    assert!(
        matches!(flush.cause(), Cause::Stopped(Stop::Flush(_))),
        "{flush}"
    );
    let errors = Bombs {
        writes: true,
        flushes: false,
    };
    let refused = in_time(pipeline! { [0..10_u64, errors] 2 map(|x| if x == 5 { Err("no") } else { Ok(x) })?, :drive sink::discard() }.run())
        .await
        .unwrap_err();
    assert!(
        matches!(refused.cause(), Cause::Stopped(Stop::ErrorsEnd(_))),
        "{refused}"
    );
    let items = source::iter((0..10_u64).inspect(|x| {
        if *x == 5 {
            bomb()
        }
    }));
    let broken =
        in_time(pipeline! { [items, sink::discard()] 2 map(|x| x), :drive sink::discard() }.run())
            .await
            .unwrap_err();
    assert!(
        matches!(broken.cause(), Cause::Stopped(Stop::Source(_))),
        "{broken}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_panics_when_it_is_dropped_ends_as_any_other() {
    /// Gives ten numbers.
    struct Falling(std::ops::Range<u64>);
    impl Iterator for Falling {
        type Item = u64;
        fn next(&mut self) -> Option<u64> {
            self.0.next()
        }
    }
    impl Drop for Falling {
        fn drop(&mut self) {
            panic!("panicked");
        }
    }
    let _quiet = Quiet::new();
    let items = || source::iter(Falling(0..10));
    let fused: Vec<u64> = in_time(pipeline! { [items()] map(|x| x) }.collect())
        .await
        .unwrap();
    let tasks: Vec<u64> = in_time(pipeline! { [items()] 2 map(|x| x) }.collect())
        .await
        .unwrap();
    let stream = source::stream(futures::stream::iter(Falling(0..10)));
    let streamed: Vec<u64> = in_time(pipeline! { [stream] :async 2 map(async |x| x) }.collect())
        .await
        .unwrap();
    for output in [fused, tasks, streamed] {
        assert_eq!(output, (0..10).collect::<Vec<_>>());
    }
}

/// Falls whenever it is dropped, and is counted.
struct Falls(Arc<AtomicU64>);

impl Drop for Falls {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("panicked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_go_of_all_items_wherever_they_are_though_each_panics() {
    let _quiet = Quiet::new();
    for kind in 0..5 {
        let (made, dropped) = (Count::default(), Arc::<AtomicU64>::default());
        let (making, falls) = (made.clone(), dropped.clone());
        let items = source::iter(std::iter::repeat_with(move || {
            making.add();
            Falls(falls.clone())
        }));
        let end = sink::each_async(|item: Falls| async move {
            std::future::pending::<()>().await;
            drop(item);
        });
        let running = match kind {
            0 => pipeline! { [items] 2 map(|x| x), 2 map(|x| x) with { unordered }, :drive 2 end }.spawn(),
            1 => pipeline! { [items] :block 2 map(|x| x), :block 2 map(|x| x) with { pool }, :drive end }.spawn(),
            2 => pipeline! {
                [items]
                :async 20 map(async |x: Falls| { std::future::pending::<()>().await; x }),
                :drive end,
            }
            .spawn(),
            3 => pipeline! { [items] :block 2 flat_map(|x| [x]), 2 map(|x| x), :drive end }.spawn(),
            _ => pipeline! { [items] batch(1_000_000), flat_map(|batch| batch), :drive end }.spawn(),
        };
        let enough = if kind == 2 { 20 } else { 50 };
        eventually("much is on its way", || made.get() >= enough).await;
        in_time(running.abort()).await;
        eventually("all is dropped", || {
            dropped.load(Ordering::SeqCst) == made.get() as u64
        })
        .await;
    }
}

/// An errors end that takes nothing, and gives back what it was to take.
struct Returns;

impl Sink<Failure<Brittle>> for Returns {
    async fn write(
        &self,
        failures: Vec<Failure<Brittle>>,
    ) -> Result<Written, SinkError<Failure<Brittle>>> {
        Err(SinkError::closed("full").with_items(failures))
    }
}

#[tokio::test]
async fn failures_that_panic_where_an_errors_end_gave_them_back_stop_the_pipeline_all_the_same() {
    let _quiet = Quiet::new();
    let run = pipeline! {
        [source::iter((0..1000).map(Brittle::new)), Returns]
        push_task(item),
        2 map(|m| { let id = m.item.id; Err::<u64, _>(id.to_string()) })?,
        :drive sink::each(|_x| ())
    };
    let failure = in_time(run.run()).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::ErrorsEnd(_))),
        "{failure}"
    );
}
