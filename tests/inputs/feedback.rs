//! Promises 61 and 67: a loop ends exactly when nothing waits and nothing is under way; a full one fails items and never
//! blocks; a seed is acknowledged when all that came of it is done.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::queue::{self, DeliverySnapshot, memory};
use brigade::{Report, feedback, prelude::*};
use tokio::sync::mpsc::channel;

use crate::deliveries::{LEASE, Letters, filled};
use crate::fakes::{Gate, PATIENCE, eventually, idle, in_time};

/// The pages that a page of a tree of 63 links to.
fn links(page: u64) -> Vec<u64> {
    [2 * page, 2 * page + 1]
        .into_iter()
        .filter(|page| *page < 64)
        .collect()
}

/// What was seen.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<u64>>>);

impl Seen {
    fn add(&self, page: u64) {
        self.0.lock().unwrap().push(page);
    }

    fn sorted(&self) -> Vec<u64> {
        let mut seen = self.0.lock().unwrap().clone();
        seen.sort_unstable();
        seen
    }

    /// Each page of the tree, once.
    fn is_all(&self) {
        assert_eq!(self.sorted(), (1..64).collect::<Vec<_>>());
    }
}

fn row(report: &Report, name: &str) -> (u64, u64, u64, u64) {
    let row = report.stage(name).unwrap();
    (row.entered, row.done, row.filtered, row.failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_visits_everything_and_ends() {
    for round in 0..50 {
        let (again, input) = feedback(100, vec![1].named("seeds"));
        let seen = Seen::default();
        let visits = seen.clone();
        let pipeline = pipeline! {
            [input]
            :async 4 tap(async |page| visits.add(*page)) with { unordered },
            flat_map(links),
            :drive again,
        };
        let plan = pipeline.plan();
        let report = in_time(pipeline.run()).await.unwrap();
        seen.is_all();
        assert!(report.conserved(), "{report}");
        assert_eq!(row(&report, "seeds"), (1, 1, 0, 0), "{round}\n{report}");
        assert_eq!(
            row(&report, "feedback"),
            (62, 62, 0, 0),
            "{round}\n{report}"
        );
        assert_eq!(row(&report, "again"), (62, 62, 0, 0), "{round}\n{report}");
        let planned = plan
            .rows
            .iter()
            .find(|row| row.stages == ["feedback"])
            .unwrap();
        assert_eq!((planned.window, planned.max_items), (100, 100), "{plan}");
        assert!(
            plan.to_mermaid().contains("-->|\"≤ 100\"|"),
            "{}",
            plan.to_mermaid()
        );
    }
}

#[tokio::test]
async fn a_loop_ends_whatever_becomes_of_its_items() {
    let fails = |page: u64| {
        if page.is_multiple_of(5) {
            Err("five")
        } else {
            Ok(page)
        }
    };
    let failed = Seen::default();
    let failures = failed.clone();
    let (again, input) = feedback(100, vec![1]);
    let errors = sink::each(move |failure: Failure<u64>| failures.add(*failure.task().unwrap()));
    let report = in_time(
        pipeline! {
            [input, errors]
            push_task(page),
            :async 3 let checked = async { fails(*page) }.await?,
            let shown = assert!(*page % 33 > 0, "thirty-three"),
            filter(|m| m.page % 7 > 0),
            map(|m| m.page),
            flat_map(links),
            :drive 2 again,
        }
        .run(),
    )
    .await
    .unwrap();
    assert!(report.conserved(), "{report}");
    assert!(failed.sorted().contains(&5) && failed.sorted().contains(&33));
}

#[tokio::test]
async fn no_seeds_and_seeds_that_all_fail_end_a_loop_too() {
    let (again, input) = feedback(1, Vec::<u64>::new());
    in_time(pipeline! { [input] 2 map(|x| x), :drive again }.run())
        .await
        .unwrap();
    let (again, input) = feedback(1, 0..100_u64);
    let errors = sink::each(|_failure: Failure| ());
    let report = pipeline! { [input, errors] map(|x| if x < 200 { Err("no") } else { Ok(x) })?, :drive again };
    assert_eq!(in_time(report.run()).await.unwrap().rows[2].failed, 100);
}

/// Nobody reads the failures before the pipeline has ended.
#[tokio::test]
async fn a_loop_does_not_wait_for_who_decides_about_its_failures() {
    let (errors, mut failures) = channel::<Failure>(100);
    let (again, input) = feedback(100, vec![1]);
    in_time(
        pipeline! {
            [input, errors]
            2 flat_map(links),
            map(|page| if page % 2 == 0 { Ok(page) } else { Err("odd") })?,
            :drive again,
        }
        .run(),
    )
    .await
    .unwrap();
    let mut failed = 0;
    while failures.recv().await.is_some() {
        failed += 1;
    }
    assert_eq!(failed, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_loop_fails_items_and_never_hangs() {
    for limit in [1, 3, 40] {
        let (told, mut full) = channel(10_000);
        let errors = sink::each_async(move |failure: Failure| {
            let told = told.clone();
            async move {
                let Cause::Full { limit } = failure.cause() else {
                    panic!("{failure}")
                };
                told.send(*limit).await
            }
        });
        let (again, input) = feedback(limit, 1..20_u64);
        let report = in_time(
            pipeline! {
                [input, errors]
                2 flat_map(|x| (0..3).map(move |_| x + 1).filter(|x| *x < 24)),
                :drive again.clone(),
            }
            .run(),
        )
        .await
        .unwrap();
        assert!(report.conserved(), "{report}");
        let failed = report.rows.last().unwrap().failed;
        assert!(failed > 0, "{report}");
        for _ in 0..failed {
            assert_eq!(full.recv().await, Some(limit));
        }
        assert_eq!(again.left(), Vec::<u64>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn batches_that_more_items_would_fill_go_on_with_what_they_have() {
    for size in [2, 7, 1000] {
        let (again, input) = feedback(100, vec![1]);
        let seen = Seen::default();
        let visits = seen.clone();
        in_time(
            pipeline! {
                [input]
                tap(|page| visits.add(*page)),
                batch(size),
                :async 2 tap(async |_pages| tokio::time::sleep(Duration::from_secs(1)).await),
                flat_map(|pages| pages.into_iter().flat_map(links)),
                batch(size),
                flat_map(|links| links),
                :drive again,
            }
            .run(),
        )
        .await
        .unwrap();
        seen.is_all();
    }
}

#[test]
fn a_loop_with_batches_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (again, input) = feedback(100, vec![1]);
        let seen = Seen::default();
        let visits = seen.clone();
        let pipeline = pipeline! {
            [input] tap(|page| visits.add(*page)), batch(1000), flat_map(|pages| pages.into_iter().flat_map(links)),
            :drive again,
        };
        pipeline.run().await.unwrap();
        seen.is_all();
    });
}

/// A loop waits for what its own pipeline makes: that is no work of its source.
#[tokio::test]
async fn the_bottleneck_of_a_loop_is_the_stage_that_all_wait_for() {
    let (again, input) = feedback(100, vec![1].named("seeds"));
    let report = pipeline! {
        [input]
        :async 1 tap(async |_page| tokio::time::sleep(Duration::from_millis(1)).await)
            with { name: "look" },
        flat_map(links),
        :drive again,
    };
    let report = in_time(report.run()).await.unwrap();
    assert_eq!(report.bottleneck.as_deref(), Some("look"), "{report}");
    let time = report.stage("feedback").unwrap().time.unwrap();
    assert!(time.starved > time.busy, "{report}");
}

#[tokio::test]
async fn what_is_collected_of_a_loop_does_not_keep_it() {
    let (again, input) = feedback(100, vec![1_u64]);
    let sent = again.clone();
    let collected: Vec<_> = in_time(
        pipeline! {
            [input]
            :async 2 tap(async |page| drop(brigade::sink::Sink::write(&sent, links(*page)).await)),
        }
        .collect(),
    )
    .await
    .unwrap();
    assert_eq!(collected.len(), 63);
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_what_waits() {
    let gate = Gate::closed();
    let waits = gate.clone();
    let (again, input) = feedback(4, vec![1].named("seeds"));
    let errors =
        sink::each(|failure: Failure| assert!(matches!(failure.cause(), Cause::Full { limit: 4 })));
    let running = pipeline! {
        [input, errors]
        :async 1 tap(async move |page| if *page > 1 { waits.pass().await }) with { buffer: 1 },
        flat_map(|page| (0..6).map(move |x| 10 * page + x)),
        :drive again.clone(),
    }
    .spawn();
    idle().await;
    assert_eq!(again.left(), Vec::<u64>::new(), "it goes on");
    let drained = running.drain(PATIENCE);
    let open = async {
        idle().await;
        gate.open();
    };
    let (report, ()) = tokio::join!(drained, open);
    let report = report.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(again.left().len(), 4);
    assert_eq!(again.left(), Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_of_a_loop_ends_it() {
    let (again, input) = feedback(1000, vec![1_u64]);
    let running = pipeline! {
        [input] :async 4 tap(async |_x| tokio::task::yield_now().await), :block 2 map(|x| x + 1), :drive again.clone(),
    }
    .spawn();
    eventually("some rounds", || {
        running.report().stage("feedback").unwrap().emitted > 50
    })
    .await;
    let report = in_time(running.abort()).await;
    assert!(report.stage("feedback").unwrap().emitted > 50);
    drop(again);
}

/// A loop whose seeds are messages; the last ones fail at random once.
async fn of_messages(
    fails: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> (DeliverySnapshot, Seen, bool) {
    let pages = filled([1_u64]).await;
    let deliveries = pages
        .clone()
        .deliveries()
        .wait(Duration::from_millis(5))
        .until_idle();
    let stats = deliveries.stats();
    let seeds = pipeline! { [deliveries] map(|page| *page) };
    let (again, input) = feedback(100, seeds.named("seeds"));
    let seen = Seen::default();
    let visits = seen.clone();
    let report = in_time(
        pipeline! {
            [input, queue::nacks(Duration::from_secs(1))]
            :async 3 tap(async |_page| tokio::time::sleep(Duration::from_millis(3)).await),
            map(|page| if fails(page) { Err("it") } else { Ok(page) })?,
            tap(|page| visits.add(*page)),
            flat_map(links),
            :drive again,
        }
        .run(),
    )
    .await
    .unwrap();
    assert!(report.conserved(), "{report}");
    (stats.snapshot(), seen, pages.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_all_that_came_of_it_is_done() {
    let (counts, seen, is_empty) = of_messages(|_page| false).await;
    seen.is_all();
    assert_eq!(
        (counts.received, counts.acked, counts.in_flight),
        (1, 1, 0),
        "{counts:?}"
    );
    assert!(is_empty);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_anything_fails_comes_again() {
    let failed = Mutex::new(false);
    let fails = move |page| page == 63 && !std::mem::replace(&mut *failed.lock().unwrap(), true);
    let (counts, seen, is_empty) = of_messages(fails).await;
    assert_eq!(
        (counts.received, counts.acked, counts.nacked),
        (2, 1, 1),
        "{counts:?}"
    );
    assert_eq!(seen.sorted().len(), 63 + 62);
    assert!(is_empty);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_not_acknowledged_while_something_of_it_waits() {
    let pages = filled([1_u64]).await;
    let deliveries = pages.clone().deliveries();
    let stats = deliveries.stats();
    let (gate, late) = (Gate::closed(), Gate::closed());
    let (waits, waits_late) = (gate.clone(), late.clone());
    let (again, input) = feedback(100, pipeline! { [deliveries] map(|page| *page) });
    let running = pipeline! {
        [input]
        :async 1 tap(async |page| match page { 2 => waits.pass().await, 63 => waits_late.pass().await, _ => {} }),
        flat_map(links),
        :drive again.clone(),
    }
    .spawn();
    idle().await;
    assert_eq!((again.waiting(), stats.snapshot().in_flight), (1, 1));
    gate.open();
    tokio::time::sleep(3 * LEASE).await;
    assert_eq!((again.waiting(), stats.snapshot().in_flight), (0, 1));
    late.open();
    idle().await;
    assert_eq!((stats.snapshot().acked, stats.snapshot().in_flight), (1, 0));
    in_time(running.drain(PATIENCE)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_gives_back_the_messages_of_what_waits() {
    let pages = filled([1_u64, 100]).await;
    let deliveries = pages.clone().deliveries();
    let stats = deliveries.stats();
    let gate = Gate::closed();
    let waits = gate.clone();
    let (again, input) = feedback(100, pipeline! { [deliveries] map(|page| *page) });
    let running = pipeline! {
        [input] :async 1 tap(async |page| if *page == 2 { waits.pass().await }), flat_map(links), :drive again.clone(),
    }
    .spawn();
    idle().await;
    gate.open();
    in_time(running.drain(PATIENCE)).await.unwrap();
    assert!(!again.left().is_empty());
    let counts = stats.snapshot();
    assert_eq!(
        (counts.acked + counts.nacked, counts.in_flight),
        (counts.received, 0),
        "{counts:?}"
    );
    assert!(counts.nacked >= 1, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn no_dead_letter_is_written_because_a_loop_was_full() {
    let pages = filled([1_u64]).await;
    let deliveries = pages
        .clone()
        .deliveries()
        .wait(Duration::from_millis(5))
        .until_idle();
    let stats = deliveries.stats();
    let letters = Letters::default();
    let (again, input) = feedback(1, pipeline! { [deliveries] map(|page| *page) });
    let tries = Arc::new(Mutex::new(0));
    tokio::time::timeout(
        10 * LEASE,
        pipeline! {
            [input, queue::dead_letters(letters.clone())]
            2 flat_map(|page| {
                let mut tries = tries.lock().unwrap();
                *tries += u32::from(page == 1);
                // At the third time less comes of it.
                if page > 1 || *tries > 2 { Vec::new() } else { vec![page + 1; 5] }
            }),
            :drive again,
        }
        .run(),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(letters.written().len(), 0);
    let counts = stats.snapshot();
    assert_eq!(
        (counts.received, counts.acked, counts.dead),
        (3, 1, 0),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_limit_of_0_does_not_start() {
    let (again, input) = feedback(0, vec![1]);
    let failure = pipeline! { [input] 2 map(|x| x), :drive again }
        .run()
        .await
        .unwrap_err();
    let said = "feedback: stopped: stage `feedback` has a limit of 0; a limit is at least 1";
    assert_eq!(failure.to_string(), said);
    let _ = memory::<u64>();
}
