//! Promise 56: a lossy side line never delays, fails or stops the main line, and every item that it misses is counted.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{DeadLetter, DeadLetters, DeadLettersError};
use brigade::sink::{Sink, SinkError, Written};
use brigade::{Cause, Name, Report, StateBound, Stop};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the main line has handed on is what came to the side line and what did not.
fn adds_up(report: &Report, tee: &str, side: &str) {
    let (main, side) = (report.stage(tee).unwrap(), report.stage(side).unwrap());
    assert_eq!(side.entered + side.skipped, main.emitted, "{report}");
    assert!(report.conserved(), "{report}");
}

async fn until(what: impl Fn() -> bool) {
    let reached = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

/// A sink that does not do what it should.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Hangs,
    Refuses,
    Closes,
    Panics,
    FlushFails,
}

impl Sink<u64> for Bad {
    async fn write(&self, items: Vec<u64>) -> Result<Written, SinkError<u64>> {
        match self {
            Self::Hangs => std::future::pending().await,
            Self::Refuses => Err(SinkError::refused("not this")),
            Self::Closes => Err(SinkError::closed("for good")),
            Self::Panics => panic!("in the sink, with {}", items.len()),
            Self::FlushFails => Ok(Written::all()),
        }
    }

    async fn flush(&self) -> Result<(), SinkError<u64>> {
        match self {
            Self::FlushFails => Err(SinkError::closed("no flush")),
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_its_sink_does_the_main_line_ends_well_and_what_is_missed_is_counted() {
    for bad in [
        Bad::Hangs,
        Bad::Refuses,
        Bad::Closes,
        Bad::Panics,
        Bad::FlushFails,
    ] {
        for errors in [true, false] {
            let (main, failures) = (sink::collect(), Arc::<Mutex<Vec<Failure>>>::default());
            let pipeline = pipeline! {
                [source::iter(0..500u64)]
                1 map(|n| n) with { buffer: 8 },
                tee { :drive bad with { name: "side" } } with { lossy: 16 },
                :drive main.clone(),
            };
            let failing = Arc::clone(&failures);
            let run = if errors {
                let keep =
                    sink::each(move |failure: Failure| failing.lock().unwrap().push(failure));
                brigade::__private::with_errors(pipeline, keep).run()
            } else {
                pipeline.run()
            };
            let begun = tokio::time::Instant::now();
            let report = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
            assert_eq!(main.take(), (0..500).collect::<Vec<_>>(), "{bad:?}");
            adds_up(&report, "tee", "side");
            let side = report.stage("side").unwrap();
            let failures = failures.lock().unwrap();
            assert!(failures.iter().all(Failure::is_aside), "{bad:?}");
            let stopped = |failure: &&Failure| {
                matches!(
                    failure.cause(),
                    Cause::Stopped(Stop::Sink(_) | Stop::Flush(_))
                )
            };
            let stops = failures.iter().filter(stopped).count();
            match bad {
                Bad::Hangs => {
                    assert!(
                        side.done + side.failed == 0 && side.skipped == 500,
                        "{report}"
                    );
                    assert!(
                        begun.elapsed() >= Duration::from_secs(5),
                        "it has its grace"
                    );
                    assert!(begun.elapsed() < Duration::from_secs(6));
                }
                Bad::Refuses | Bad::Panics => {
                    assert!(side.failed > 0 && side.done == 0, "{report}");
                    let counted = if errors { side.failed } else { 0 };
                    assert_eq!(failures.len() as u64, counted, "{report}");
                }
                Bad::Closes | Bad::FlushFails => assert_eq!(stops, usize::from(errors), "{bad:?}"),
            }
            if !matches!(bad, Bad::Hangs) {
                assert!(begun.elapsed() < Duration::from_secs(5), "{bad:?}");
            }
        }
    }
}

#[tokio::test]
async fn stages_of_a_side_line_may_fail_and_panic() {
    let (main, failures) = (sink::collect(), sink::collect());
    let report = pipeline! {
        [source::iter(0..200u64), failures.clone()]
        push_task(n),
        tee *n {
            :async 4 map(async |n| if n % 2 == 1 { Err("odd") } else { Ok(n) })?,
            :block 2 map(|n| if n % 4 > 0 { panic!("no four") } else { n }),
            :drive sink::discard(),
        } with { lossy: 1000 },
        map(|m| m.n),
        :drive main.clone(),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(main.take(), (0..200).collect::<Vec<_>>());
    adds_up(&report, "tee", "map");
    let failures: Vec<Failure<u64>> = failures.take();
    assert_eq!(failures.len(), 150, "{report}");
    assert!(
        failures
            .iter()
            .all(|failure| failure.is_aside() && failure.task().is_none())
    );
    let stack = failures
        .iter()
        .find(|failure| &*failure.stage().name == "map")
        .unwrap();
    assert_eq!(stack.stack().to_string(), "n → FAILED at map (odd)");
    assert_eq!(report.stage("map#2").unwrap().failed, 50);
}

#[tokio::test]
async fn a_slow_side_line_misses_what_it_has_no_room_for_and_delays_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let (waits, main) = (Arc::clone(&gate), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&main);
    let pipeline = pipeline! {
        [source::iter(0..1000u64)]
        use waits;
        1 map(|n| n) with { buffer: 4, window: 4 },
        tee { :async 2 map(async |n: u64| { waits.acquire().await.unwrap().forget(); n }) with { window: 2, name: "slow" },
              :drive sink::discard() with { buffer: 2 } } with { lossy: 10 },
        :drive sink::each(move |_| { counts.fetch_add(1, SeqCst); }) with { buffer: 4 },
    };
    let plan = pipeline.plan();
    let row = plan.rows.iter().find(|row| row.state.is_some()).unwrap();
    assert_eq!(row.state, Some(StateBound::Behind(10)));
    assert_eq!(row.max_items, 4 + 4 + 10, "{plan}");
    assert!(plan.to_string().contains("10 items behind"), "{plan}");
    let running = pipeline.spawn();
    until(|| main.load(SeqCst) == 1000).await;
    let report = running.report();
    let slow = report.stage("slow").unwrap();
    assert!(slow.entered <= 2, "{report}");
    assert!((988..=990).contains(&slow.skipped), "{report}");
    gate.add_permits(1000);
    let report = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap();
    adds_up(&report, "tee", "slow");
    let slow = report.stage("slow").unwrap();
    assert_eq!(slow.done, 1000 - slow.skipped);
    assert!(slow.done <= 12, "{report}");
    assert!(report.to_string().contains("skipped"), "{report}");
}

#[tokio::test]
async fn a_delivery_is_the_main_lines_alone() {
    /// A store of letters that nothing should come to.
    #[derive(Clone, Default)]
    struct Letters(Arc<AtomicUsize>);

    impl DeadLetters for Letters {
        fn name(&self) -> Name {
            "letters".into()
        }

        async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
            self.0.fetch_add(letters.len(), SeqCst);
            Ok(())
        }
    }

    let letters = Letters::default();
    for nacks in [true, false] {
        let queue = queue::memory::<String>();
        for n in 0..50 {
            queue.put(n.to_string()).await;
        }
        let deliveries = queue.clone().deliveries();
        let deliveries = deliveries.until_idle().wait(Duration::ZERO);
        let stats = deliveries.stats();
        let pipeline = pipeline! {
            [deliveries]
            push_task(message),
            tee |m| m.message.to_string() {
                map(|text| text.parse::<usize>().map(|n| 7 / n.saturating_sub(n)))?,
                :drive sink::discard(),
            } with { lossy: 100 },
            map(|m| m.message),
            :drive queue::acks(),
        };
        let run = if nacks {
            brigade::__private::with_errors(pipeline, queue::nacks(Duration::ZERO)).run()
        } else {
            brigade::__private::with_errors(pipeline, queue::dead_letters(letters.clone())).run()
        };
        let report = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
        let stats = stats.snapshot();
        assert_eq!((stats.acked, stats.nacked, stats.in_flight), (50, 0, 0));
        assert_eq!(report.stage("map").unwrap().failed, 50, "{report}");
    }
    assert_eq!(letters.0.load(SeqCst), 0);
}

#[tokio::test]
async fn a_delivery_is_acknowledged_while_its_copy_waits() {
    let queue = queue::memory::<String>();
    for n in 0..20 {
        queue.put(n.to_string()).await;
    }
    let deliveries = queue.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        push_task(message),
        tee |m| m.message.to_string() { :drive sink::each_async(|_: String| std::future::pending::<()>()) with { name: "side" } } with { lossy: 20 },
        map(|m| m.message),
        :drive sink::discard(),
    }
    .spawn();
    until(|| stats.snapshot().acked == 20).await;
    let report = running.drain(Duration::from_millis(500)).await.unwrap();
    adds_up(&report, "tee", "side");
    assert_eq!(report.stage("side").unwrap().skipped, 20, "{report}");
}

#[tokio::test]
async fn a_call_that_does_not_return_is_left_to_itself_and_named() {
    let (held, begun) = (
        Arc::new((Mutex::new(true), Condvar::new())),
        Arc::new(AtomicUsize::new(0)),
    );
    let (waits, begins) = (Arc::clone(&held), Arc::clone(&begun));
    let running = pipeline! {
        [source::iter(0..100u64)]
        use waits, begins;
        tee {
            :block map(|n: u64| {
                begins.fetch_add(1, SeqCst);
                let held = waits.0.lock().unwrap();
                drop(waits.1.wait_while(held, |held| *held).unwrap_or_else(PoisonError::into_inner));
                n
            }) with { name: "stuck" },
            :drive sink::discard(),
        } with { lossy: 10 },
        :drive sink::discard(),
    }
    .spawn();
    until(|| begun.load(SeqCst) == 1 && running.report().stage("tee").unwrap().emitted == 100)
        .await;
    let report = running.drain(Duration::from_millis(300)).await.unwrap();
    adds_up(&report, "tee", "stuck");
    assert!(report.threads[0].contains("stuck"), "{report}");
    *held.0.lock().unwrap() = false;
    held.1.notify_all();
}

#[tokio::test]
async fn a_stop_of_the_pipeline_stops_its_side_lines() {
    let side = Arc::new(AtomicUsize::new(0));
    let alive = Arc::clone(&side);
    let running = pipeline! {
        [source::iter(0..u64::MAX)]
        use alive;
        tee |_n| Arc::clone(&alive) {
            :async 4 map(async |alive: Arc<AtomicUsize>| { std::future::pending::<()>().await; alive }),
            :drive sink::discard(),
        } with { lossy: 50 },
        tee |n| *n { 1 map(|n| n), :drive sink::discard() } with { lossy: 3 },
        :drive sink::discard(),
    }
    .spawn();
    drop(alive);
    until(|| running.report().stage("tee").unwrap().emitted > 1000).await;
    let report = tokio::time::timeout(PATIENCE, running.abort())
        .await
        .unwrap();
    assert!(report.stage("map").unwrap().skipped > 0, "{report}");
    drop(running);
    until(|| Arc::strong_count(&side) == 1).await;
}

#[tokio::test]
async fn an_expression_that_fails_fails_the_item_of_the_main_line() {
    let failure = pipeline! {
        [source::iter(0..10u64)]
        tee |n| if *n == 3 { Err("three")? } else { *n } { :drive sink::discard() } with { lossy: 10 },
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap_err();
    assert_eq!(failure.to_string(), "tee: three");
    assert!(!failure.is_aside());
}

#[tokio::test]
async fn a_side_line_that_may_be_0_items_behind_does_not_start() {
    let behind = usize::from(std::env::args().count() > 1000);
    let failure = pipeline! {
        [source::iter(0..10u64)]
        tee { :drive sink::discard() } with { lossy: behind },
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Invalid(_))),
        "{failure}"
    );
    assert!(failure.to_string().contains("at least 1"), "{failure}");
}
