//! `rate`: how often calls begin, and what becomes of items that wait for it.

use std::time::Duration;

use brigade::Row;
use brigade::prelude::*;
use tokio::time::Instant;

use crate::fakes::{Kept, Log, ThenNever, counted, eventually, idle, in_time};

const MS: Duration = Duration::from_millis(1);

/// Notes when it is called, in milliseconds.
#[derive(Clone)]
struct Calls {
    start: Instant,
    times: Log<u64>,
}

impl Calls {
    fn new() -> Self {
        let (start, times) = (Instant::now(), Log::default());
        Self { start, times }
    }

    fn note(&self) -> u64 {
        let time = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        self.times.push(time);
        time
    }

    fn times(&self) -> Vec<u64> {
        self.times.take()
    }
}

/// Stages whose calls begin each 10 ms, in any kind of workers.
macro_rules! begins_evenly {
    ($($name:ident: |$calls:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let calls = Calls::new();
            let $calls = calls.clone();
            let report = in_time($pipeline.run()).await.unwrap();
            let expected: Vec<_> = (0..10).map(|call| 10 * call).collect();
            assert_eq!(calls.times(), expected);
            assert!(report.rows.iter().all(|row| row.retries == 0), "{report}");
            let limited = |row: &Row| row.time.is_some_and(|time| !time.limited.is_zero());
            assert_eq!(report.rows.iter().filter(|row| limited(row)).count(), 1, "{report}");
            assert!(report.to_string().contains("  limited"), "{report}");
        }
    )*};
}

begins_evenly! {
    futures_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        :async 4 map(|x| { let calls = calls.clone(); async move { calls.note(); x } }) with { rate: Rate::per_second(100) },
        :drive sink::each(|_| ())
    };
    calls_on_threads_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        :block 4 map(|x| { calls.note(); x }) with { rate: Rate::per_second(100) },
        :drive sink::each(|_| ())
    };
    calls_in_the_pool_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        :block 4 map(|x| { calls.note(); x }) with { rate: Rate::per_second(100), pool },
        :drive sink::each(|_| ())
    };
    calls_in_tasks_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        4 map(|x| { calls.note(); x }) with { rate: Rate::per_second(100) },
        :drive sink::each(|_| ())
    };
    calls_with_many_outputs_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        filter(|_| true),
        :async 4 map(|x| { let calls = calls.clone(); async move { calls.note(); x } }) with { rate: Rate::per_second(100) },
        flat_map(|x| [x, x]),
        :drive sink::each(|_| ())
    };
    calls_that_make_many_outputs_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        :block 4 flat_map(|x| { calls.note(); [x, x] }) with { rate: Rate::per_second(100), unordered },
        :drive sink::each(|_| ())
    };
    calls_with_a_timeout_begin_as_often_as_their_rate_says: |calls| pipeline! {
        [0..10_u64]
        :async map(|x| { let calls = calls.clone(); async move { calls.note(); x } })
            with { rate: Rate::per_second(100), timeout: 2 * MS },
        :drive sink::each(|_| ())
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_its_rate_holds_up_is_the_bottleneck_and_the_report_says_by_what() {
    let run = pipeline! {
        [0..20_u64]
        :async 4 map(|x| async move { x }) with { rate: Rate::per_second(100), name: "ask" },
        :drive sink::each(|_| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    let time = report.stage("ask").unwrap().time.unwrap();
    assert!(
        time.limited > time.busy + time.starved + time.blocked,
        "{report}"
    );
    assert_eq!(report.bottleneck.as_deref(), Some("ask"));
    let said = report.to_string();
    assert!(said.contains("bottleneck: ask, by its rate"), "{said}");
}

/// Fails the first `times` calls for each item.
#[derive(Clone, Default)]
struct Fails(Log<u64>);

impl Fails {
    fn call(&self, item: u64, times: usize, error: Answer) -> Result<u64, Answer> {
        self.0.push(item);
        let before = self
            .0
            .with(|calls| calls.iter().filter(|call| **call == item).count());
        if before <= times {
            Err(error)
        } else {
            Ok(item)
        }
    }
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("try again after {0:?}")]
struct Answer(Option<Duration>);

#[tokio::test(start_paused = true)]
async fn every_attempt_takes_a_place_and_no_retry_escapes_its_rate() {
    let (calls, fails) = (Calls::new(), Fails::default());
    let (noted, failing) = (calls.clone(), fails);
    let run = pipeline! {
        [0..3_u64]
        :async 3 map(async |x| { noted.note(); failing.call(x, 2, Answer(None)) })?
            with { rate: Rate::per_second(100), retry: Retry::fixed(3, MS) },
        :drive sink::each(|_| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(calls.times(), [0, 10, 20, 30, 40, 50, 60, 70, 80]);
    assert_eq!(report.stage("map").unwrap().retries, 6, "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_an_error_asks_for_is_waited_for_before_the_place_is_taken() {
    let (calls, fails) = (Calls::new(), Fails::default());
    let (noted, failing) = (calls.clone(), fails);
    let run = pipeline! {
        [0..12_u64]
        :block 2 map(|x| { noted.note(); failing.call(x, usize::from(x == 0), Answer(Some(45 * MS))) })?
            with {
                rate: Rate::per_second(100),
                retry: Retry::fixed(2, MS).after::<Answer>(|answer| answer.0),
                unordered,
            },
        :drive sink::each(|_| ())
    }
    .run();
    in_time(run).await.unwrap();
    let expected: Vec<_> = (0..13).map(|call| 10 * call).collect();
    assert_eq!(calls.times(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_time_out_begins_with_the_call() {
    let calls = Calls::new();
    let (noted, failures) = (calls.clone(), Kept::<Failure>::open());
    let errors = failures.clone();
    let run = pipeline! {
        [0..3_u64, errors]
        :async 3 map(async |x| {
            noted.note();
            tokio::time::sleep(if x == 1 { 90 * MS } else { 30 * MS }).await;
            x
        }) with { rate: Rate::per_second(10), timeout: 50 * MS, unordered },
        :drive sink::each(|_| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(calls.times(), [0, 100, 200]);
    assert_eq!(report.stage("map").unwrap().failed, 1, "{report}");
    assert!(
        matches!(failures.items.take()[..], [ref failure] if matches!(failure.cause(), Cause::Timeout(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_rate_keeps_the_order_and_the_places_are_free() {
    let (calls, kept) = (Calls::new(), Kept::open());
    let (noted, sink) = (calls.clone(), kept.clone());
    // The first call takes as long as all the others together, on the other place.
    let run = pipeline! {
        [0..8_u64]
        :async 2 map(async |x| {
            noted.note();
            tokio::time::sleep(if x == 0 { 100 * MS } else { MS }).await;
            x
        }) with { rate: Rate::per_second(100) },
        :drive sink
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(calls.times(), [0, 10, 20, 30, 40, 50, 60, 70]);
    assert!(kept.items.take().into_iter().eq(0..8));
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_than_the_rate_is_kept_by() {
    for threads in [false, true] {
        let (items, taken) = counted(0_u64..);
        let (input, rate) = (source::iter(items), Rate::per_second(1));
        let running = if threads {
            pipeline! { [input] :block 3 map(|x| x) with { rate: rate }, :drive sink::each(|_| ()) }
                .spawn()
        } else {
            pipeline! { [input] :async 3 map(async |x| x) with { rate: rate }, :drive sink::each(|_| ()) }
                .spawn()
        };
        tokio::time::sleep(10_500 * MS).await;
        let done = usize::try_from(running.report().rows[1].done).unwrap();
        assert_eq!(done, 11);
        // What waits, and what the source is asked for at once.
        assert!(taken.get() <= done + 3 + 3, "{} taken", taken.get());
        running.abort().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stages_and_pipelines_share_a_rate() {
    let (calls, rate) = (Calls::new(), Rate::per_second(100));
    let pipeline = |items: std::ops::Range<u64>| {
        let (one, two) = (calls.clone(), calls.clone());
        let (rate, behind) = (rate.clone(), rate.clone());
        pipeline! {
            [items]
            :async 2 map(async |x| { one.note(); x }) with { rate: rate },
            :block 2 map(|x| { two.note(); x }) with { rate: behind },
            :drive sink::each(|_| ())
        }
        .run()
    };
    let (one, two) = in_time(async { tokio::join!(pipeline(0..4), pipeline(4..8)) }).await;
    assert!(one.unwrap().conserved() && two.unwrap().conserved());
    let expected: Vec<_> = (0..16).map(|call| 10 * call).collect();
    assert_eq!(calls.times(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_set_holds_from_then_on_also_for_what_waits() {
    let (calls, rate) = (Calls::new(), Rate::per_second(1));
    let (noted, setting) = (calls.clone(), rate.clone());
    let running = pipeline! {
        [0..6_u64]
        :async 3 map(async |x| { noted.note(); x }) with { rate: rate },
        :drive sink::each(|_| ())
    }
    .spawn();
    tokio::time::sleep(1_500 * MS).await;
    setting.set(Rate::per_second(10)).unwrap();
    assert!(setting.set(Rate::per_second(0)).is_err());
    in_time(running).await.unwrap();
    assert_eq!(calls.times(), [0, 1000, 1550, 1650, 1750, 1850]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_works_off_what_waits_for_its_rate() {
    let kept = Kept::open();
    let sink = kept.clone();
    let running = pipeline! {
        [ThenNever::after(5)]
        :async 5 map(async |x| x) with { rate: Rate::per_second(1) },
        :drive sink
    }
    .spawn();
    idle().await;
    let report = in_time(running.drain(10_000 * MS)).await.unwrap();
    assert!(kept.items.take().into_iter().eq(0..5));
    assert!(report.conserved(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_past_its_deadline_names_what_waits_for_its_rate() {
    let running = pipeline! {
        [ThenNever::after(5)]
        :block 5 map(|x| x) with { rate: Rate::per_second(1), name: "ask" },
        :drive sink::each(|_| ())
    }
    .spawn();
    idle().await;
    let failure = in_time(running.drain(2_500 * MS)).await.unwrap_err();
    assert!(
        failure.to_string().contains("`ask` kept 2 items"),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_no_rate() {
    let (calls, rate) = (Calls::new(), Rate::per(1, Duration::from_secs(86_400)));
    let noted = calls.clone();
    let start = Instant::now();
    let run = pipeline! {
        [0..10_u64]
        :async 4 map(async |x: u64| { noted.note(); Err::<u64, _>(format!("no {x}")) })? with { rate: rate.clone() },
        :drive sink::each(|_| ())
    }
    .run();
    assert_eq!(in_time(run).await.unwrap_err().cause().to_string(), "no 0");
    let running = pipeline! {
        [0..10_u64]
        :block 4 map(|x| x) with { rate: rate },
        :drive sink::each(|_| ())
    }
    .spawn();
    idle().await;
    running.abort().await;
    assert!(start.elapsed() < 100 * MS);
    eventually("threads that wait end", || {
        running.report().threads.is_empty()
    })
    .await;
    assert_eq!(calls.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_count_that_changes_leaves_the_rate_as_it_is() {
    for threads in [false, true] {
        let calls = Calls::new();
        let noted = calls.clone();
        let (items, rate) = (0..40_u64, Rate::per_second(100));
        let running = if threads {
            pipeline! {
                [items] :block 8 map(|x| { noted.note(); x }) with { rate: rate, name: "ask" }, :drive sink::each(|_| ())
            }
            .spawn()
        } else {
            pipeline! {
                [items] :async 8 map(async |x| { noted.note(); x }) with { rate: rate, name: "ask" }, :drive sink::each(|_| ())
            }
            .spawn()
        };
        let handle = running.handle();
        for count in [1, 30, 2] {
            tokio::time::sleep(95 * MS).await;
            handle.set_count("ask", count).unwrap();
        }
        let report = in_time(running).await.unwrap();
        assert_eq!(report.stage("ask").unwrap().done, 40);
        let expected: Vec<_> = (0..40).map(|call| 10 * call).collect();
        assert_eq!(calls.times(), expected, "threads: {threads}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_had_no_place_in_time_do_not_begin_all_at_once() {
    let calls = Calls::new();
    let noted = calls.clone();
    // Both places are taken for a second, in which the turns of two more come.
    let run = pipeline! {
        [0..6_u64]
        :async 2 map(async |x| {
            noted.note();
            tokio::time::sleep(match x { 0 => 1000 * MS, 1 => 990 * MS, _ => MS }).await;
            x
        }) with { rate: Rate::per_second(100) },
        :drive sink::each(|_| ())
    }
    .run();
    in_time(run).await.unwrap();
    let times = calls.times();
    assert_eq!(times[..3], [0, 10, 1000]);
    // The second is late by 20 ms at most.
    assert!(
        times[2..].windows(3).all(|times| times[2] - times[0] >= 10),
        "{times:?}"
    );
}

/// A rate for each key: a host, which is the last digit of a page.
macro_rules! keeps_the_rate_of_each_key {
    ($($name:ident: |$note:ident, $rate:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let (calls, hosts) = (Calls::new(), Log::default());
            let ($rate, notes) = (Rate::per_second(10).each(100), hosts.clone());
            let $note = move |page: u64| {
                notes.push((page % 10, calls.note()));
                page
            };
            let report = in_time($pipeline.run()).await.unwrap();
            assert!(report.conserved(), "{report}");
            let calls = hosts.take();
            assert_eq!(calls.len(), 40);
            for host in 0..10 {
                let times: Vec<_> = calls.iter().filter(|call| call.0 == host).map(|call| call.1).collect();
                assert_eq!(times, [0, 100, 200, 300], "of host {host}");
            }
        }
    )*};
}

keeps_the_rate_of_each_key! {
    futures_keep_the_rate_of_each_key: |note, rate| pipeline! {
        [0..40_u64]
        :async 3 map(async |page| note(page)) with { rate: rate, by: |page| page % 10, window: 40 },
        :drive sink::each(|_| ())
    };
    threads_keep_the_rate_of_each_key: |note, rate| pipeline! {
        [0..40_u64]
        :block 3 map(note) with { rate: rate, by: |page| page % 10, window: 40, unordered },
        :drive sink::each(|_| ())
    };
    tasks_keep_the_rate_of_each_key: |note, rate| pipeline! {
        [0..40_u64]
        3 map(note) with { rate: rate, by: |page| page % 10, window: 40 },
        :drive sink::each(|_| ())
    };
}

#[tokio::test(start_paused = true)]
async fn stages_share_the_rate_of_each_key() {
    let (calls, rate) = (Calls::new(), Rate::per_second(10).each(10));
    let (one, two) = (calls.clone(), calls.clone());
    let run = pipeline! {
        [["a", "b"]]
        :async 2 map(async |host| { one.note(); host }) with { rate: rate.clone(), by: |host| *host },
        :block 2 map(move |host| { two.note(); host.len() }) with { rate: rate.clone(), by: |host| host.to_string() },
        :drive sink::each(|_| ())
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(calls.times(), [0, 0, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_takes_the_place_of_its_key() {
    let (calls, fails) = (Calls::new(), Fails::default());
    let (noted, failing) = (calls.clone(), fails);
    let run = pipeline! {
        [0..2_u64]
        :async 2 map(async |x| { noted.note(); failing.call(x, 2, Answer(None)) })?
            with { rate: Rate::per_second(10).each(2), by: |x| *x, retry: Retry::fixed(3, MS) },
        :drive sink::each(|_| ())
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(calls.times(), [0, 0, 100, 100, 200, 200]);
}

/// Runs pipelines whose rate is none.
macro_rules! is_no_rate {
    ($($name:ident: $rate:expr, $says:literal;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let none = 0;
            let rate = ($rate)(none);
            let run = pipeline! {
                [0..3_u64] :block 2 map(|x| x) with { rate: rate, name: "it" }, :drive sink::each(|_| ())
            }
            .run();
            let failure = in_time(run).await.unwrap_err();
            assert_eq!(failure.to_string(), concat!("it: stopped: stage `it` has ", $says));
        }
    )*};
}

is_no_rate! {
    a_rate_of_0_is_an_error_before_anything_starts: Rate::per_second, "a rate of 0; a rate is at least 1";
    a_rate_in_no_time_is_an_error_before_anything_starts:
        |none| Rate::per(1, Duration::from_secs(none)), "a rate per no time; leave the rate out where nothing is limited";
    a_burst_of_0_is_an_error_before_anything_starts:
        |none| Rate::per_second(1).burst(none), "a burst of 0; a burst is at least 1";
    a_rate_for_each_of_0_keys_is_an_error_before_anything_starts:
        |none| Rate::per_second(1).each(none), "a rate for each of 0 keys; they are at least 1";
    a_rate_for_each_key_needs_a_key:
        |none: usize| Rate::per_second(1).each(none + 1), "a rate for each key, and no key; write `by` beside it, or leave out `.each(…)`";
}
