//! Promises 22 and 23: timeouts and retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::prelude::*;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::fakes::{Count, Gate, Kept, Level, Log, ThenNever, eventually, idle, in_time};

const AFTER: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_timed_out_async_call_is_cancelled_at_the_deadline() {
    let (level, failures, kept) = (Level::default(), Kept::open(), Kept::open());
    let (inside, errors, sink) = (level.clone(), failures.clone(), kept.clone());
    let started = Instant::now();
    let run = pipeline! {
        [0..4_u64, errors]
        use inside;
        push_task(item),
        :async 4 let waited = async {
            let _inside = inside.enter();
            if *item == 2 {
                std::future::pending::<()>().await;
            }
            *item
        }.await with { timeout: AFTER },
        map(|m| m.waited),
        :drive sink
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(started.elapsed(), AFTER);
    assert_eq!(level.now(), 0, "it was not cancelled");
    assert_eq!(kept.items.take(), [0, 1, 3]);
    let failures: Vec<Failure<u64>> = failures.items.take();
    assert_eq!(failures.len(), 1);
    assert!(matches!(failures[0].cause(), Cause::Timeout(AFTER)));
    assert_eq!((failures[0].attempts(), failures[0].task()), (1, Some(&2)));
    assert_eq!(report.stage("waited").unwrap().failed, 1);
    assert!(report.conserved());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timed_out_blocking_call_is_reported_at_the_deadline_and_its_result_discarded() {
    let (level, gate) = (Level::default(), Gate::closed());
    let (failures, kept) = (Kept::<Failure>::open(), Kept::open());
    let (inside, pass) = (level.clone(), gate.clone());
    let (errors, sink) = (failures.clone(), kept.clone());
    let after = Duration::from_millis(20);
    let mut running = pipeline! {
        [0..4_u64, errors]
        use inside, pass;
        :block 2 map(|x| {
            if x == 1 {
                let _inside = inside.enter();
                pass.block();
            }
            x
        }) with { timeout: after, name: "late" },
        :drive sink
    }
    .spawn();
    // Reported, and its neighbours are written, while the call goes on.
    eventually("the timeout", || failures.items.len() == 1).await;
    eventually("the others", || kept.items.len() == 3).await;
    assert_eq!(level.now(), 1);
    assert!(
        futures::poll!(&mut running).is_pending(),
        "its thread is waited for"
    );
    gate.open();
    let report = in_time(running).await.unwrap();
    assert_eq!(
        kept.items.take(),
        [0, 2, 3],
        "the late result was not discarded"
    );
    assert_eq!(
        failures.items.take()[0].to_string(),
        "late: timeout after 20ms"
    );
    assert!(report.conserved());
    assert_eq!(report.stage("late").unwrap().failed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_thread_of_a_timed_out_call_is_named_until_it_returns() {
    let (level, gate, failures) = (Level::default(), Gate::closed(), Kept::<Failure>::open());
    let (inside, pass, errors) = (level.clone(), gate.clone(), failures.clone());
    let running = pipeline! {
        [0..4_u64, errors]
        use inside, pass;
        :block 1 map(|x| {
            let _inside = inside.enter();
            pass.block();
            x
        }) with { timeout: Duration::from_millis(5), name: "late" },
        :drive sink::each(|_x| ())
    }
    .spawn();
    eventually("the timeout", || failures.items.len() == 1).await;
    let report = in_time(running.abort()).await;
    assert_eq!(report.threads, ["late"]);
    gate.open();
    eventually("the call returns", || running.report().threads.is_empty()).await;
    assert_eq!(running.report().stage("sink").unwrap().done, 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_panic_of_nothing_is_no_second_failure() {
    // The future is dropped at its deadline: its drop may panic.
    struct Sore;
    impl Drop for Sore {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    let failures = Kept::<Failure>::open();
    let errors = failures.clone();
    let output: Vec<u64> = in_time(
        pipeline! {
            [0..3_u64, errors]
            :async 1 map(|x| async move {
                if x == 1 {
                    let _sore = Sore;
                    std::future::pending::<()>().await;
                }
                x
            }) with { timeout: AFTER }
        }
        .collect(),
    )
    .await
    .unwrap();
    assert_eq!(output, [0, 2]);
    assert_eq!(failures.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_as_many_and_as_far_apart_as_declared() {
    let (calls, failures) = (Log::default(), Kept::<Failure>::open());
    let (called, errors) = (calls.clone(), failures.clone());
    let started = Instant::now();
    let run = pipeline! {
        [0..1_u64, errors]
        use called;
        :async 1 map(|_x| async move {
            called.push(started.elapsed().as_millis());
            Err::<(), _>("never")
        })? with { retry: Retry::fixed(4, Duration::from_millis(70)), name: "it" },
        :drive sink::each(|()| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(calls.take(), [0, 70, 140, 210]);
    let failure = &failures.items.take()[0];
    assert_eq!(failure.attempts(), 4);
    assert_eq!(failure.to_string(), "it: never (attempt 4)");
    let row = report.stage("it").unwrap();
    assert_eq!((row.entered, row.failed, row.retries), (1, 1, 3));
}

/// What a service answers that does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("status {0}")]
struct Refused(u16);

#[tokio::test(start_paused = true)]
async fn an_error_says_whether_it_is_retried_and_when() {
    let (calls, failures) = (Log::default(), Kept::<Failure>::open());
    let (called, errors) = (calls.clone(), failures.clone());
    let started = Instant::now();
    let retry = Retry::fixed(2, Duration::from_millis(70))
        .when::<Refused>(|refused| refused.0 != 404)
        .after::<Refused>(|refused| (refused.0 == 429).then_some(Duration::from_secs(9)));
    let run = pipeline! {
        [source::iter([404, 429, 503_u16]), errors]
        use called;
        :async 3 map(|status| async move {
            called.push((status, started.elapsed().as_millis()));
            Err::<(), _>(Refused(status))
        })? with { retry: retry, name: "it" },
        :drive sink::discard()
    }
    .run();
    let report = in_time(run).await.unwrap();
    let mut calls = calls.take();
    calls.sort_unstable();
    assert_eq!(
        calls,
        [(404, 0), (429, 0), (429, 9000), (503, 0), (503, 70)]
    );
    let mut attempts: Vec<_> = failures
        .items
        .take()
        .iter()
        .map(ToString::to_string)
        .collect();
    attempts.sort_unstable();
    let expected = [
        "it: status 404",
        "it: status 429 (attempt 2)",
        "it: status 503 (attempt 2)",
    ];
    assert_eq!(attempts, expected);
    assert_eq!(report.stage("it").unwrap().retries, 2);
}

#[tokio::test(start_paused = true)]
async fn exponential_retries_wait_twice_as_long_each_time_plus_jitter() {
    let calls = Log::default();
    let called = calls.clone();
    let started = Instant::now();
    let run = pipeline! {
        [0..1_u64]
        use called;
        :async 1 map(|_x| async move {
            called.push(started.elapsed());
            Err::<(), _>("never")
        })? with { retry: Retry::exponential(4).max_delay(Duration::from_millis(250)) },
        :drive sink::each(|()| ())
    }
    .run();
    assert_eq!(in_time(run).await.unwrap_err().attempts(), 4);
    let calls = calls.take();
    let waits: Vec<_> = calls
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]).as_millis())
        .collect();
    for (wait, least) in waits.iter().zip([100, 200, 250]) {
        // Timers are rounded up to the next millisecond.
        assert!((least..=2 * least + 1).contains(wait), "{waits:?}");
    }
    assert_eq!(waits.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_retried_with_a_deadline_for_each_attempt() {
    let (level, failures) = (Level::default(), Kept::<Failure>::open());
    let (inside, errors) = (level.clone(), failures.clone());
    let started = Instant::now();
    let run = pipeline! {
        [0..1_u64, errors]
        use inside;
        :async 1 tap(|_x| async {
            let _inside = inside.enter();
            std::future::pending::<()>().await;
        }) with { timeout: AFTER, retry: Retry::fixed(3, AFTER) },
        :drive sink::each(|_x| ())
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(started.elapsed(), 5 * AFTER);
    assert_eq!((level.now(), level.peak()), (0, 1));
    let failure = &failures.items.take()[0];
    assert!(matches!(failure.cause(), Cause::Timeout(AFTER)));
    assert_eq!(failure.attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn panics_are_not_retried() {
    let (calls, failures) = (Count::default(), Kept::<Failure>::open());
    let (called, errors) = (calls.clone(), failures.clone());
    let run = pipeline! {
        [0..1_u64, errors]
        use called;
        :async 1 tap(|_x| async {
            called.add();
            panic!("once");
        }) with { timeout: AFTER, retry: Retry::exponential(3) },
        :drive sink::each(|_x| ())
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(calls.get(), 1);
    assert_eq!(failures.items.take()[0].attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_succeeds_at_a_later_attempt_is_emitted_in_order_and_counted_once() {
    let calls: Vec<Count> = (0..20).map(|_| Count::default()).collect();
    let run = pipeline! {
        [0..20_usize]
        :async 5 map(|x| async move {
            if calls[x].add() < x % 3 { Err("later") } else { Ok(x) }
        })? with { retry: Retry::exponential(3), name: "it" }
    }
    .collect::<Vec<_>>();
    let handle = run.handle();
    assert_eq!(in_time(run).await.unwrap(), (0..20).collect::<Vec<_>>());
    let report = handle.report();
    let row = report.stage("it").unwrap();
    assert_eq!(
        (row.entered, row.done, row.retries),
        (20, 20, 6 + 2 * 6 + 1)
    );
    assert!(report.conserved());
}

/// Eight items fail once, and nothing else happens until they are tried again: what every worker does last is a retry.
macro_rules! counts_retries {
    ($($name:ident: |$items:ident, $call:ident, $retry:ident, $sink:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for wait in [Duration::from_millis(20), Duration::from_secs(600)] {
                let calls: Arc<Vec<Count>> = Arc::new((0..8).map(|_| Count::default()).collect());
                let called = move |x: u64| calls[usize::try_from(x).unwrap()].add();
                let ($items, $retry, $sink) = (ThenNever::after(8), Retry::fixed(2, wait), Kept::open());
                let $call = move |x: u64| if called(x) == 0 { Err("later") } else { Ok(x) };
                let running = $pipeline.spawn();
                let handle = running.handle();
                eventually("eight retries", || handle.report().stage("it").unwrap().retries == 8).await;
                if wait < PATIENCE {
                    eventually("all are done", || handle.report().stage("it").unwrap().done == 8).await;
                    assert_eq!(handle.report().stage("it").unwrap().retries, 8);
                }
                running.abort().await;
                assert_eq!(handle.report().stage("it").unwrap().retries, 8);
            }
        }
    )*};
}

counts_retries! {
    retries_of_threads_are_all_counted_while_they_wait: |items, call, retry, sink| pipeline! {
        [items] :block 8 map(call)? with { name: "it", retry: retry }, :drive sink
    };
    retries_of_the_pool_are_all_counted_while_they_wait: |items, call, retry, sink| pipeline! {
        [items] :block 8 map(call)? with { name: "it", retry: retry, pool }, :drive sink
    };
    retries_of_tasks_are_all_counted_while_they_wait: |items, call, retry, sink| pipeline! {
        [items] 8 map(call)? with { name: "it", retry: retry }, :drive sink
    };
    retries_of_futures_are_all_counted_while_they_wait: |items, call, retry, sink| pipeline! {
        [items] use call; :async 8 map(|x| async move { call(x) })? with { name: "it", retry: retry }, :drive sink
    };
    retries_of_many_outputs_are_all_counted_while_they_wait: |items, call, retry, sink| pipeline! {
        [items]
        use call;
        :async 8 flat_map(|x| async move { call(x).map(|x| [x, x]) })? with { name: "it", retry: retry },
        :drive sink
    };
}

#[tokio::test(start_paused = true)]
async fn a_waiting_retry_gives_its_place_back_and_keeps_its_credit() {
    let (calls, kept) = (Log::default(), Kept::open());
    let (called, sink) = (calls.clone(), kept.clone());
    let running = pipeline! {
        [ThenNever::after(100)]
        use called;
        :async 1 map(|x| async move {
            called.push(x);
            if x == 0 { Err("later") } else { Ok(x) }
        })? with { retry: Retry::fixed(2, Duration::from_secs(60)), window: 6 },
        :drive sink
    }
    .spawn();
    idle().await;
    // The one place is free for the others, until the window is full: the item that waits is in it.
    assert_eq!(calls.take(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(kept.items.len(), 0);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(calls.take(), [0], "the second attempt");
    assert_eq!(in_time(running).await.unwrap_err().attempts(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_retry_does_not_hold_a_thread() {
    let (calls, kept) = (Log::default(), Kept::open());
    let (called, sink) = (calls.clone(), kept.clone());
    let run = pipeline! {
        [0..50_u64]
        use called;
        :block 1 map(|x| {
            let first = called.len() == 0;
            called.push(x);
            if first { Err("later") } else { Ok(x) }
        })? with { retry: Retry::fixed(2, Duration::from_millis(500)), window: 64 },
        :drive sink
    }
    .run();
    let report = in_time(run).await.unwrap();
    // The one thread called for all others before it was time for the first again.
    let expected: Vec<u64> = (0..50).chain([0]).collect();
    assert_eq!(calls.take(), expected);
    assert!(kept.items.take().into_iter().eq(0..50));
    assert_eq!(report.stage("map").unwrap().retries, 1);
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_retries_and_their_results_are_kept() {
    let (calls, kept) = (Count::default(), Kept::open());
    let (called, sink) = (calls.clone(), kept.clone());
    let running = pipeline! {
        [ThenNever::after(10)]
        use called;
        :async 3 map(|x| async move {
            if called.add() < 10 { Err("later") } else { Ok(x) }
        })? with { retry: Retry::fixed(2, AFTER) },
        :drive sink
    }
    .spawn();
    idle().await;
    assert_eq!(kept.items.len(), 0);
    let report = in_time(running.drain(Duration::from_secs(10)))
        .await
        .unwrap();
    assert!(kept.items.take().into_iter().eq(0..10));
    assert!(report.conserved());
}

/// A thread that goes on working may leave a sleeping consumer asleep for a moment, but not for the length of a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_call_does_not_keep_the_results_before_it() {
    const SLOW: usize = 200;
    /// What a worker may hold: as much as it does in 100 µs, and some more.
    const CHUNK: usize = 8;
    let seen = Arc::new(AtomicUsize::new(0));
    let results = Arc::clone(&seen);
    let mut stream = std::pin::pin!(
        pipeline! {
            [0..20 * SLOW]
            use results;
            :block 1 map(|item: usize| {
                let started = std::time::Instant::now();
                while item % SLOW == SLOW - 1 && results.load(SeqCst) + CHUNK < item {
                    assert!(started.elapsed() < PATIENCE, "nobody has woken the consumer");
                    std::thread::sleep(Duration::from_micros(100));
                }
                while started.elapsed() < Duration::from_micros(20) {}
                item
            }) with { buffer: 8192 },
        }
        .stream()
    );
    while let Some(item) = stream.next().await {
        item.unwrap();
        seen.fetch_add(1, SeqCst);
    }
    assert_eq!(seen.load(SeqCst), 20 * SLOW);
}
