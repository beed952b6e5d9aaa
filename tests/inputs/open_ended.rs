//! Promise 60: sources that are added while a pipeline runs keep their own order, rows and failures; a drain drains them,
//! and what is added after it is given back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::queue::{Outgoing, Queue as _};
use brigade::source::{AddErrorKind, Flow, Pulled, Source, SourceError, Sources};
use brigade::{Report, prelude::*};
use proptest::prelude::*;
use tokio::sync::mpsc::channel;

use crate::deliveries::{filled, until};
use crate::fakes::{Gate, PATIENCE, eventually, idle, in_time};

fn counts(report: &Report, name: &str) -> (u64, u64, u64, u64) {
    let row = report.stage(name).unwrap();
    (row.entered, row.done, row.failed, row.emitted)
}

/// The rows of its sources.
fn sources_of(report: &Report) -> Vec<&str> {
    let paths = report.rows.iter().map(|row| &*row.path);
    paths
        .filter_map(|path| path.strip_prefix("open-ended/"))
        .collect()
}

fn numbered(of: u64, count: u64) -> Vec<(u64, u64)> {
    (0..count).map(|number| (of, number)).collect()
}

/// How many of each came, in order.
fn by_source(items: &[(u64, u64)]) -> HashMap<u64, u64> {
    let mut next: HashMap<u64, u64> = HashMap::new();
    for (of, number) in items {
        let next = next.entry(*of).or_default();
        assert_eq!(number, next, "of source {of}");
        *next += 1;
    }
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_added_before_and_while_it_runs_and_the_last_ends_it() {
    let (sources, input) = source::open_ended();
    sources.add("early", numbered(0, 1000)).unwrap();
    let collected = sink::collect();
    let pipeline = pipeline! { [input] 2 map(|item| item), :drive collected.clone() };
    let plan = pipeline.plan();
    assert!(plan.to_string().contains("open-ended/ended"), "{plan}");
    let running = pipeline.spawn();
    let handle = running.handle();
    eventually("the first", || counts(&handle.report(), "map").0 == 1000).await;
    let (sender, late) = channel(16);
    sources.add("late", late).unwrap();
    for number in 0..500 {
        sender.send((1, number)).await.unwrap();
    }
    sources
        .add(
            "stream",
            source::stream(futures::stream::iter(numbered(2, 70))),
        )
        .unwrap();
    drop(sources);
    eventually("all but the end", || {
        counts(&handle.report(), "map").0 == 1570
    })
    .await;
    let report = handle.report();
    assert_eq!(sources_of(&report), ["late", "ended"], "{report}");
    assert_eq!(counts(&report, "late"), (500, 500, 0, 500), "{report}");
    drop(sender);
    let report = in_time(running).await.unwrap();
    assert_eq!(sources_of(&report), ["ended"], "{report}");
    assert_eq!(counts(&report, "ended"), (1570, 1570, 0, 1570), "{report}");
    assert!(report.conserved(), "{report}");
    let came = by_source(&collected.take());
    assert_eq!(came, HashMap::from([(0, 1000), (1, 500), (2, 70)]));
}

#[tokio::test]
async fn without_workers_it_is_the_same() {
    let (sources, input) = source::open_ended();
    sources.add("a", numbered(0, 500)).unwrap();
    let mut stream = pipeline! { [input] filter(|item| item.1 % 2 == 0) }.stream();
    assert_eq!(in_time(stream.next()).await.unwrap().unwrap(), (0, 0));
    sources.add("b", vec![(1, 0)]).unwrap();
    drop(sources);
    let mut others = Vec::new();
    while let Some(item) = in_time(stream.next()).await {
        others.push(item.unwrap());
    }
    assert_eq!(others.len(), 250);
    assert!(others.contains(&(1, 0)));
}

#[tokio::test]
async fn it_does_not_end_while_more_can_be_added() {
    let (sources, input) = source::open_ended();
    let another = sources.clone();
    let running = pipeline! { [input] map(|x: u64| x), :drive sink::discard() }.spawn();
    drop(sources);
    let handle = running.handle();
    another.add("a", vec![1, 2]).unwrap();
    eventually("both", || counts(&handle.report(), "sink").0 == 2).await;
    another.add("b", vec![3]).unwrap();
    eventually("the third", || counts(&handle.report(), "sink").0 == 3).await;
    drop(another);
    in_time(running).await.unwrap();
}

#[tokio::test]
async fn one_that_is_ready_for_ever_holds_up_no_other() {
    let (sources, input) = source::open_ended();
    sources
        .add("endless", source::iter((0..).map(|n| (0, n))))
        .unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let sees = Arc::clone(&seen);
    let running = pipeline! {
        [input]
        2 map(|item| item),
        :drive sink::each(move |(of, _): (u64, u64)| _ = sees.fetch_add(of, Ordering::Relaxed)),
    }
    .spawn();
    for round in 1..=10 {
        sources
            .add(format!("one of {round}"), vec![(1, 0)])
            .unwrap();
        eventually("its turn", || seen.load(Ordering::Relaxed) == round).await;
    }
    in_time(running.drain(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn a_name_is_free_again_when_its_source_has_ended() {
    let (sources, input) = source::open_ended();
    let (sender, peer) = channel::<u64>(4);
    sources.add("peer", peer).unwrap();
    let error = sources.add("peer", channel(4).1).unwrap_err();
    assert_eq!(*error.kind(), AddErrorKind::Named("peer".into()));
    assert_eq!(
        error.to_string(),
        "`peer` is the name of another row; name each source that has not ended as no other"
    );
    let reserved = sources.add("ended", vec![7]).unwrap_err();
    assert_eq!(reserved.into_source(), [7]);
    let running = pipeline! { [input] 1 map(|x: u64| x), :drive sink::discard() }.spawn();
    drop(sender);
    eventually("its end", || sources.live() == 0).await;
    sources.add("peer", vec![1, 2]).unwrap();
    drop(sources);
    let report = in_time(running).await.unwrap();
    assert_eq!(counts(&report, "ended"), (2, 2, 0, 2), "{report}");
}

#[tokio::test]
async fn a_thousand_sources_over_time_leave_one_row() {
    let (sources, input) = source::open_ended();
    let running = pipeline! { [input] 2 map(|x: u64| x), :drive sink::discard() }.spawn();
    let handle = running.handle();
    for number in 0..1000 {
        sources
            .add(format!("peer {number}"), vec![number; 3])
            .unwrap();
        if number % 10 == 9 {
            eventually("the end of these", || sources.live() == 0).await;
            let report = handle.report();
            assert_eq!(sources_of(&report), ["ended"], "{report}");
            assert_eq!(counts(&report, "ended").0, 3 * (number + 1), "{report}");
        }
    }
    drop(sources);
    let report = in_time(running).await.unwrap();
    assert_eq!(counts(&report, "ended"), (3000, 3000, 0, 3000), "{report}");
}

#[tokio::test]
async fn each_is_drained_and_stopped_by_itself() {
    let (sources, input) = source::open_ended();
    let ((a, a_peer), (b, b_peer), (c, c_peer)) = (channel(16), channel(16), channel(16));
    let drained = sources.add("a", a_peer).unwrap();
    let stopped = sources.add("b", b_peer).unwrap();
    sources.add("c", c_peer).unwrap();
    let running = pipeline! { [input] 2 map(|x: u64| x), :drive sink::discard() }.spawn();
    let handle = running.handle();
    for sender in [&a, &b, &c] {
        sender.send(1).await.unwrap();
    }
    eventually("all three", || counts(&handle.report(), "map").0 == 3).await;
    assert_eq!(&**drained.name(), "a");
    drained.drain();
    in_time(a.closed()).await;
    stopped.stop();
    in_time(b.closed()).await;
    eventually("their ends", || sources.live() == 1).await;
    // Again, and for nothing.
    drained.drain();
    stopped.stop();
    c.send(2).await.unwrap();
    eventually("the third goes on", || counts(&handle.report(), "c").0 == 2).await;
    drop((sources, c));
    let report = in_time(running).await.unwrap();
    assert_eq!(counts(&report, "ended"), (4, 4, 0, 4), "{report}");
}

#[tokio::test]
async fn one_that_is_drained_before_it_begins_ends_at_once() {
    let (sources, input) = source::open_ended();
    let added = sources.add("a", channel::<u64>(1).1).unwrap();
    added.drain();
    let (sender, stopped) = channel(1);
    sources.add("b", stopped).unwrap().stop();
    let running = pipeline! { [input] 1 map(|x: u64| x), :drive sink::discard() }.spawn();
    in_time(sender.closed()).await;
    drop(sources);
    in_time(running).await.unwrap();
}

#[tokio::test]
async fn a_drain_drains_all_and_gives_back_what_is_added_then() {
    let (sources, input) = source::open_ended();
    let collected = sink::collect();
    let running = pipeline! { [input] 2 map(|item| item), :drive collected.clone() }.spawn();
    let handle = running.handle();
    let (sender, peer) = channel(16);
    sources.add("peer", peer).unwrap();
    sources
        .add("endless", source::iter((0..).map(|n| (1, n))))
        .unwrap();
    sender.send((0, 0)).await.unwrap();
    eventually("both", || {
        counts(&handle.report(), "peer").0 == 1 && counts(&handle.report(), "endless").0 > 100
    })
    .await;
    let report = in_time(running.drain(PATIENCE)).await.unwrap();
    assert!(!sources.is_open());
    let error = sources.add("late", vec![(2, 0), (2, 1)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the input takes no more sources; its pipeline is drained, was stopped, or is gone"
    );
    assert_eq!(*error.kind(), AddErrorKind::Ended);
    assert_eq!(error.into_source(), [(2, 0), (2, 1)]);
    let came = by_source(&collected.take());
    assert!(report.conserved(), "{report}");
    assert_eq!(counts(&report, "ended").3, came.values().sum::<u64>());
}

#[tokio::test]
async fn what_never_runs_gives_back_what_is_added() {
    let (sources, input) = source::open_ended();
    let (sender, peer) = channel::<u64>(1);
    sources.add("peer", peer).unwrap();
    drop(pipeline! { [input] map(|x| x) });
    in_time(sender.closed()).await;
    assert_eq!(sources.add("late", vec![1]).unwrap_err().into_source(), [1]);
    let (sources, input) = source::open_ended::<u64, ()>();
    drop(input);
    assert!(sources.add("late", vec![1]).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_ends_them_and_gives_back_what_is_added_then() {
    let (sources, input) = source::open_ended();
    let (sender, peer) = channel::<u64>(1);
    sources.add("peer", peer).unwrap();
    let running = pipeline! { [input] :block 2 map(|x| x), :drive sink::discard() }.spawn();
    sender.send(1).await.unwrap();
    eventually("it", || counts(&running.report(), "map").0 == 1).await;
    in_time(running.abort()).await;
    in_time(sender.closed()).await;
    assert!(sources.add("late", vec![1]).is_err());
    assert!(in_time(running).await.is_err());
}

/// Emits some, and then cannot go on.
struct Breaks {
    left: u64,
    panics: bool,
}

impl Source for Breaks {
    type Item = u64;

    async fn pull(&mut self, _max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        if self.left == 0 {
            assert!(!self.panics, "the cable is on fire");
            return Err(SourceError::new("the cable is cut"));
        }
        self.left -= 1;
        out.push(self.left);
        Ok(Flow::More)
    }
}

#[tokio::test]
async fn one_that_fails_or_panics_ends_alone() {
    let (sources, input) = source::open_ended();
    let failed = sink::collect();
    let running = pipeline! {
        [input, failed.clone()]
        2 map(|x: u64| x),
        :drive sink::discard()
    }
    .spawn();
    let breaks = |panics| Breaks { left: 3, panics };
    sources.add("fails", breaks(false)).unwrap();
    sources.add("panics", breaks(true)).unwrap();
    eventually("their ends", || sources.live() == 0).await;
    sources.add("goes on", vec![1, 2]).unwrap();
    drop(sources);
    let report = in_time(running).await.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(counts(&report, "ended"), (10, 8, 2, 8), "{report}");
    let failed = failed.take();
    let mut said: Vec<_> = failed
        .iter()
        .map(|failure: &Failure| failure.to_string())
        .collect();
    said.sort();
    assert_eq!(said[0], "open-ended/fails: the cable is cut");
    assert!(
        said[1].starts_with("open-ended/panics: panicked"),
        "{said:?}"
    );
    assert_eq!(
        &*failed[0].stage().path,
        format!("open-ended/{}", failed[0].stage().name)
    );
}

#[tokio::test]
async fn without_an_errors_end_one_that_fails_stops_the_pipeline() {
    for workers in [true, false] {
        let (sources, input) = source::open_ended();
        let (left, panics) = (1, false);
        sources.add("fails", Breaks { left, panics }).unwrap();
        let failure = if workers {
            let pipeline = pipeline! { [input] 2 map(|x: u64| x), :drive sink::discard() };
            in_time(pipeline.run()).await.unwrap_err()
        } else {
            let pipeline = pipeline! { [input] map(|x: u64| x) };
            in_time(pipeline.collect::<Vec<_>>()).await.unwrap_err()
        };
        assert_eq!(failure.to_string(), "open-ended/fails: the cable is cut");
        assert!(sources.add("late", vec![1]).is_err());
    }
}

#[tokio::test]
async fn the_errors_end_is_let_go_of_at_the_end_though_more_could_be_added() {
    let (sources, input) = source::open_ended();
    let (told, mut failures) = channel::<Failure>(16);
    let running = pipeline! { [input, told] 2 map(|x: u64| x), :drive sink::discard() }.spawn();
    sources.add("peer", vec![1]).unwrap();
    in_time(running.drain(PATIENCE)).await.unwrap();
    drop(running);
    assert!(in_time(failures.recv()).await.is_none());
    assert!(!sources.is_open());
}

#[tokio::test(start_paused = true)]
async fn queues_are_added_and_their_deliveries_acknowledged_and_given_back() {
    let (sources, input) = source::open_ended();
    let gate = Gate::closed();
    let waits = gate.clone();
    let running = pipeline! {
        [input, queue::nacks(Duration::ZERO)]
        :async 4 tap(async move |x: &queue::Delivery<u64>| if **x == 5 { waits.pass().await }),
        :drive sink::discard(),
    }
    .spawn();
    let (one, two) = (filled(0..4_u64).await, filled(5..6_u64).await);
    let ends = one
        .clone()
        .deliveries()
        .wait(Duration::from_millis(5))
        .until_idle();
    let stats = ends.stats();
    sources.add("one", ends).unwrap();
    until(&stats, |counts| counts.acked == 4).await;
    let stays = two.clone().deliveries();
    let stats = stays.stats();
    sources.add("two", stays).unwrap();
    idle().await;
    gate.open();
    two.send(vec![Outgoing::new(6)]).await.unwrap();
    until(&stats, |counts| counts.acked == 2).await;
    let report = in_time(running.drain(PATIENCE)).await.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(counts(&report, "ended"), (6, 6, 0, 6), "{report}");
    assert_eq!(stats.snapshot().in_flight, 0);
}

#[tokio::test]
async fn it_is_merged_with_others_and_is_the_input_of_an_input() {
    let (sources, input) = source::open_ended();
    sources.add("peer", vec![1, 2]).unwrap();
    let inner = pipeline! { [source::merge((input, vec![3].named("list")))] 2 map(|x| x) };
    let (more, other) = source::open_ended();
    more.add("peer", vec![10]).unwrap();
    let running = pipeline! {
        [source::merge((inner.named("inner"), other))]
        2 map(|x: i32| x) with { name: "all" },
        :drive sink::discard(),
    }
    .spawn();
    let handle = running.handle();
    let (sender, peer) = channel(1);
    sources.add("live", peer).unwrap();
    sender.send(4).await.unwrap();
    eventually("all", || counts(&handle.report(), "all").0 == 5).await;
    let report = handle.report();
    assert_eq!(counts(&report, "inner/open-ended/live").0, 1, "{report}");
    assert_eq!(counts(&report, "inner/open-ended/ended").0, 2, "{report}");
    assert_eq!(
        report.stage("inner/map").unwrap().inputs.len(),
        3,
        "{report}"
    );
    drop((sources, more, sender));
    let report = in_time(running).await.unwrap();
    assert_eq!(counts(&report, "inner/open-ended/ended").0, 3, "{report}");
    assert!(report.conserved(), "{report}");
}

/// Every snapshot adds up: what came into the first stage came out of its sources.
fn adds_up(report: &Report) {
    for row in &report.rows {
        let accounted = row.done + row.filtered + row.failed + row.held;
        assert_eq!(row.entered, accounted, "{}: {report}", row.path);
        let handed: u64 = row.inputs.iter().map(|arrow| arrow.handed).sum();
        if !row.inputs.is_empty() {
            assert_eq!(row.entered, handed, "{}: {report}", row.path);
        }
    }
}

async fn adds(sources: Sources<(u64, u64)>, from: u64, count: u64) -> Vec<u64> {
    let mut accepted = Vec::new();
    for number in from..from + count {
        let source = source::iter(numbered(number, 20));
        match sources.add(format!("peer {number}"), source) {
            Ok(_) => accepted.push(number),
            Err(error) => assert_eq!(*error.kind(), AddErrorKind::Ended),
        }
        tokio::task::yield_now().await;
    }
    accepted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Many add while the pipeline ends in some way. Of what was accepted all that was taken comes out, in its order; where
    /// nobody drains, that is all of it.
    #[test]
    fn whatever_is_accepted_comes_out(
        tasks in 1_u64..6,
        each in 1_u64..60,
        drains_after in proptest::option::of(0_u64..800),
        workers in 1_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(async {
            let (sources, input) = source::open_ended();
            let collected = sink::collect();
            let running = pipeline! {
                [input]
                (workers) map(|item| item),
                :drive collected.clone(),
            };
            let running = running.spawn();
            let handle = running.handle();
            let adding: Vec<_> = (0..tasks)
                .map(|task| tokio::spawn(adds(sources.clone(), task * 1000, each)))
                .collect();
            let watching = handle.clone();
            let watch = tokio::spawn(async move {
                loop {
                    adds_up(&watching.report());
                    tokio::task::yield_now().await;
                }
            });
            let report = if let Some(items) = drains_after {
                let most = items.min(tasks * each * 10);
                eventually("some", || counts(&handle.report(), "sink").0 >= most).await;
                in_time(running.drain(PATIENCE)).await.unwrap()
            } else {
                drop(sources);
                in_time(running).await.unwrap()
            };
            watch.abort();
            let Err(error) = watch.await;
            assert!(error.is_cancelled(), "{error}");
            let mut accepted = Vec::new();
            for adding in adding {
                accepted.extend(in_time(adding).await.unwrap());
            }
            let came = by_source(&collected.take());
            assert!(came.keys().all(|of| accepted.contains(of)));
            assert!(report.conserved(), "{report}");
            assert_eq!(sources_of(&report), ["ended"], "{report}");
            assert_eq!(counts(&report, "ended").0, came.values().sum::<u64>(), "{report}");
            if drains_after.is_none() {
                assert_eq!(accepted.len() as u64, tasks * each);
                assert!(accepted.iter().all(|of| came[of] == 20), "{came:?}");
            }
        });
    }
}
