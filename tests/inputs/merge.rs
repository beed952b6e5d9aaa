//! Promise 59: inputs that are merged keep their own order, rows and failures; one ends without the others.

use std::sync::mpsc;
use std::time::Duration;

use brigade::queue::{Outgoing, memory};
use brigade::source::{Flow, Pulled, Source, SourceError};
use brigade::{Plan, Report, Stop, prelude::*};
use tokio::sync::mpsc::channel;

use crate::deliveries::filled;
use crate::fakes::{Gate, PATIENCE, eventually, idle, in_time};

/// In plan and report: what leads to the row of that name.
fn leads_to(plan: &Plan, report: &Report, name: &str) -> Vec<(String, u64)> {
    let row = report.stage(name).unwrap();
    let planned = plan
        .rows
        .iter()
        .find(|row| row.stages.iter().any(|stage| stage == name));
    let planned: Vec<_> = planned
        .unwrap()
        .inputs
        .iter()
        .map(|arrow| arrow.from)
        .collect();
    let reported: Vec<_> = row.inputs.iter().map(|arrow| arrow.from).collect();
    assert_eq!(planned, reported, "{plan}\n{report}");
    let from = |id| report.rows.iter().find(|row| row.id == id).unwrap();
    let inputs = row.inputs.iter();
    inputs
        .map(|arrow| (from(arrow.from).path.to_string(), arrow.handed))
        .collect()
}

fn counts(report: &Report, name: &str) -> (u64, u64, u64) {
    let row = report.stage(name).unwrap();
    (row.done, row.failed, row.emitted)
}

/// What the sink has written.
fn sunk(report: &Report) -> u64 {
    report.rows.last().unwrap().done
}

/// Each in its own order.
fn in_order(items: &[(char, u64)], of: char) -> usize {
    let its: Vec<_> = items
        .iter()
        .filter(|item| item.0 == of)
        .map(|item| item.1)
        .collect();
    assert!(its.is_sorted(), "{of}: {its:?}");
    its.len()
}

fn numbered(of: char, count: u64) -> impl Iterator<Item = (char, u64)> + Send + Clone {
    (0..count).map(move |number| (of, number))
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_inputs_have_rows_and_an_order_of_their_own() {
    let (a, b) = (
        source::iter(numbered('a', 5000)),
        source::iter(numbered('b', 300)),
    );
    let c = source::stream(futures::stream::iter(numbered('c', 700)));
    let inputs = source::merge((a.named("a"), b.named("b"), c.named("c")));
    let pipeline = pipeline! { [inputs] 3 map(|item| item), :async 4 tap(async |_item| ()) };
    let plan = pipeline.plan();
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    let items = in_time(collect).await.unwrap();
    let report = handle.report();
    assert_eq!(
        ['a', 'b', 'c'].map(|of| in_order(&items, of)),
        [5000, 300, 700]
    );
    let from = [("a", 5000), ("b", 300), ("c", 700)];
    let from = from.map(|(name, items)| (name.to_owned(), items));
    assert_eq!(leads_to(&plan, &report, "map"), from);
    for (name, items) in from {
        assert_eq!(counts(&report, &name), (items, 0, items), "{report}");
    }
    assert!(report.conserved(), "{report}");
    let chart = plan.to_mermaid();
    for arrow in [
        "s0 -->|\"≤ 0\"| s3",
        "s1 -->|\"≤ 0\"| s3",
        "s2 -->|\"≤ 0\"| s3",
    ] {
        assert!(chart.contains(arrow), "{chart}");
    }
}

#[tokio::test]
async fn merged_inputs_of_a_pipeline_without_workers_have_rows_too() {
    let inputs = source::merge((
        source::iter(numbered('a', 500)).named("a"),
        source::stream(futures::stream::iter(numbered('b', 70))).named("b"),
    ));
    let pipeline = pipeline! { [inputs] filter(|item| item.1 % 2 == 0) };
    let plan = pipeline.plan();
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    let items = in_time(collect).await.unwrap();
    let report = handle.report();
    assert_eq!(['a', 'b'].map(|of| in_order(&items, of)), [250, 35]);
    let from = [("a".to_owned(), 500), ("b".to_owned(), 70)];
    assert_eq!(leads_to(&plan, &report, "filter"), from);
    assert!(report.conserved(), "{report}");
}

#[tokio::test]
async fn inputs_take_turns() {
    let inputs = source::merge([numbered('a', 4000), numbered('b', 4000)].map(source::iter));
    let items: Vec<_> = in_time(pipeline! { [inputs] map(|item| item) }.collect())
        .await
        .unwrap();
    let half = items[..4000].iter().filter(|item| item.0 == 'a').count();
    assert!((1500..2500).contains(&half), "{half} of 4000");
}

#[tokio::test]
async fn an_input_that_is_preferred_comes_first() {
    let inputs = source::merge([numbered('a', 4000), numbered('b', 4000)].map(source::iter));
    let inputs = inputs.prefer_first();
    let items: Vec<_> = in_time(pipeline! { [inputs] 1 map(|item| item) }.collect())
        .await
        .unwrap();
    assert!(items[..4000].iter().all(|item| item.0 == 'a'));
    assert_eq!(items.len(), 8000);
}

#[tokio::test]
async fn an_input_that_is_preferred_and_has_nothing_holds_up_no_other() {
    let (sender, first) = channel(4);
    let inputs = source::merge((first, vec![1, 2, 3])).prefer_first();
    let mut items = pipeline! { [inputs] map(|x| x) }.stream();
    for expected in 1..=3 {
        assert_eq!(in_time(items.next()).await.unwrap().unwrap(), expected);
    }
    sender.send(4).await.unwrap();
    assert_eq!(in_time(items.next()).await.unwrap().unwrap(), 4);
    drop(sender);
    assert!(in_time(items.next()).await.is_none());
}

/// What one input does while it is asked holds up no worker that could take from another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_iterator_that_takes_its_time_holds_up_no_other_input() {
    let (go, gate) = mpsc::channel::<()>();
    let slow = (0..2_u64).inspect(move |_| gate.recv_timeout(PATIENCE).unwrap());
    let inputs = source::merge((
        source::iter(slow).named("slow"),
        (10..5000_u64).named("fast"),
    ));
    let running = pipeline! { [inputs] 2 map(|x| x), :drive sink::discard() }.spawn();
    let handle = running.handle();
    eventually("all of the fast one", || sunk(&handle.report()) == 4990).await;
    assert_eq!(counts(&handle.report(), "slow").2, 0);
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(sunk(&in_time(running).await.unwrap()), 4992);
}

#[tokio::test]
async fn an_input_that_ends_leaves_the_others() {
    let (sender, live) = channel(4);
    let inputs = source::merge((vec![1], live));
    let mut items = pipeline! { [inputs] 2 map(|x| x) }.stream();
    assert_eq!(in_time(items.next()).await.unwrap().unwrap(), 1);
    for x in 2..50 {
        sender.send(x).await.unwrap();
        assert_eq!(in_time(items.next()).await.unwrap().unwrap(), x);
    }
    drop(sender);
    assert!(in_time(items.next()).await.is_none());
}

/// Breaks after some items.
struct Breaks(u64);

impl Source for Breaks {
    type Item = u64;

    async fn pull(&mut self, _max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        if self.0 == 0 {
            return Err(SourceError::new("the cable is cut"));
        }
        self.0 -= 1;
        out.push(self.0);
        out.fail(SourceError::new("noise"));
        Ok(Flow::More)
    }
}

#[tokio::test]
async fn the_failures_of_an_input_are_named_after_it() {
    let (told, mut failures) = channel(64);
    let errors = sink::each_async(move |failure: Failure| {
        let told = told.clone();
        async move { told.send(failure.stage().path.to_string()).await }
    });
    let (sender, live) = channel(4);
    let inputs = source::merge((live.named("live"), Breaks(3).named("breaks")));
    // An input that goes on for ever does not hide one that is broken.
    let failure = in_time(pipeline! { [inputs, errors] map(|x| x) }.collect::<Vec<_>>())
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "breaks: stopped: the source cannot go on: the cable is cut"
    );
    assert_eq!(counts(failure.report().unwrap(), "breaks"), (3, 3, 3));
    drop(sender);
    let mut named = Vec::new();
    while let Some(name) = failures.recv().await {
        named.push(name);
    }
    assert_eq!(named, ["breaks"; 3]);
}

#[tokio::test]
async fn an_input_that_cannot_go_on_ends_the_others_with_and_without_workers() {
    let errors = || sink::each(|_failure: Failure| ());
    let with = |inputs| pipeline! { [inputs, errors()] 2 map(|x| x), :drive sink::discard() };
    let (_sender, live) = channel(4);
    let failure = in_time(
        with(source::merge((
            live.named("live"),
            Breaks(3).named("breaks"),
        )))
        .run(),
    );
    let failure = failure.await.unwrap_err();
    assert_eq!(
        (&*failure.stage().name, sunk(failure.report().unwrap())),
        ("breaks", 3)
    );
    assert!(matches!(failure.cause(), Cause::Stopped(Stop::Source(_))));
    let (_sender, live) = channel(4);
    let inputs = source::merge((live.named("live"), Breaks(0).named("breaks")));
    let failure = in_time(pipeline! { [inputs] map(|x| x) }.collect::<Vec<_>>())
        .await
        .unwrap_err();
    assert_eq!(failure.to_string(), "breaks: the cable is cut");
}

#[tokio::test]
async fn a_drain_ends_every_input_and_loses_nothing_that_was_taken() {
    let ((a, a_live), (b, b_live)) = (channel(16), channel(16));
    let inputs = source::merge((
        a_live.named("a"),
        b_live.named("b"),
        (0_u64..).named("endless"),
    ));
    let collected = sink::collect();
    let running = pipeline! { [inputs] 2 map(|x| x), :drive collected.clone() }.spawn();
    let handle = running.handle();
    a.send(1).await.unwrap();
    eventually("all three", || counts(&handle.report(), "a").2 == 1).await;
    eventually("all three", || counts(&handle.report(), "endless").2 > 100).await;
    let report = in_time(running.drain(PATIENCE)).await.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(
        report.stage("map").unwrap().emitted,
        collected.take().len() as u64
    );
    drop((a, b));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_reaches_threads_that_wait_for_merged_inputs() {
    let ((_a, a_live), (_b, b_live)) = (channel::<u64>(16), channel(16));
    let inputs = source::merge((a_live, b_live));
    let running = pipeline! { [inputs] :block 2 map(|x| x), :drive sink::discard() }.spawn();
    eventually("that it waits", || {
        running.report().elapsed > Duration::from_millis(20)
    })
    .await;
    in_time(running.abort()).await;
    assert!(in_time(running).await.is_err());
}

#[tokio::test]
async fn a_pipeline_is_an_input_among_others() {
    let inner = pipeline! { [source::merge((vec![1, 2], vec![3]))] :async 2 tap(async |_x| ()) with { name: "look" } };
    let inputs = source::merge((inner.named("inner"), vec![10, 20].named("plain")));
    let pipeline = pipeline! { [inputs] 2 map(|x| x + 1) };
    let plan = pipeline.plan();
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    let mut items = in_time(collect).await.unwrap();
    items.sort_unstable();
    assert_eq!(items, [2, 3, 4, 11, 21]);
    let report = handle.report();
    let from = [("inner".to_owned(), 3), ("plain".to_owned(), 2)];
    assert_eq!(leads_to(&plan, &report, "map"), from);
    assert_eq!(
        report.stage("inner/look").unwrap().inputs.len(),
        2,
        "{report}"
    );
    assert_eq!(report.stage("inner/look").unwrap().entered, 3, "{report}");
    assert!(report.conserved(), "{report}");
}

#[tokio::test]
async fn merged_inputs_are_merged_again() {
    let low = source::merge((vec![0, 1].named("a"), vec![2, 3].named("b")));
    let inputs = source::merge((low, vec![4, 5].named("c")));
    let pipeline = pipeline! { [inputs] 2 map(|x| x) };
    let plan = pipeline.plan();
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    let mut items = in_time(collect).await.unwrap();
    items.sort_unstable();
    assert_eq!(items, [0, 1, 2, 3, 4, 5]);
    let from = ["a", "b", "c"].map(|name| (name.to_owned(), 2));
    assert_eq!(leads_to(&plan, &handle.report(), "map"), from);
}

#[tokio::test(start_paused = true)]
async fn two_queues_that_end_by_themselves_and_a_list_are_one_input() {
    let (left, right) = (filled(0..40_u64).await, filled(100..140_u64).await);
    let deliveries = |queue: &queue::Memory<u64>| {
        let deliveries = queue
            .clone()
            .deliveries()
            .wait(Duration::from_millis(5))
            .until_idle();
        let stats = deliveries.stats();
        (pipeline! { [deliveries] map(|delivery| *delivery) }, stats)
    };
    let ((of_left, told_left), (of_right, told_right)) = (deliveries(&left), deliveries(&right));
    let inputs = source::merge((of_left, of_right, 200..240_u64));
    let pipeline = pipeline! { [inputs] filter(|x| x % 4 > 0), 2 map(|x| x) };
    // What is collected is not done before all is, of either queue.
    let items: Vec<_> = in_time(pipeline.collect()).await.unwrap();
    assert_eq!(items.len(), 90);
    assert!(left.is_empty() && right.is_empty());
    for stats in [told_left, told_right] {
        assert_eq!(
            (stats.snapshot().acked, stats.snapshot().in_flight),
            (40, 0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_beside_a_list_is_acknowledged_and_given_back_as_ever() {
    let queue = filled(0..8_u64).await;
    let deliveries = queue.clone().deliveries().prefetch(4);
    let stats = deliveries.stats();
    let messages = pipeline! { [deliveries] map(|delivery| *delivery) };
    let inputs = source::merge((messages, (100_u64..).named("endless")));
    let gate = Gate::closed();
    let waits = gate.clone();
    let running = pipeline! {
        [inputs, sink::each(|failure: Failure| failure.nack(Duration::ZERO))]
        :async 4 tap(async move |x| if *x == 3 { waits.pass().await }),
        map(|x| if x == 2 { Err("two") } else { Ok(x) })?,
        :drive sink::discard(),
    }
    .spawn();
    idle().await;
    gate.open();
    let report = in_time(running.drain(PATIENCE)).await.unwrap();
    assert!(report.conserved(), "{report}");
    let counts = stats.snapshot();
    assert_eq!(
        counts.received,
        counts.acked + counts.nacked + counts.in_flight,
        "{counts:?}"
    );
    assert_eq!(counts.in_flight, 0, "{counts:?}");
    assert!(counts.nacked >= 1, "{counts:?}");
}

#[tokio::test]
async fn a_merge_of_nothing_does_not_start() {
    let none: [Vec<u64>; 0] = [];
    let failure = pipeline! { [source::merge(none)] map(|x| x) }
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "merge: stopped: stage `merge` has no inputs; it needs at least 1"
    );
    let none = Vec::<Vec<u64>>::new();
    let failure = pipeline! { [source::merge(none)] 2 map(|x| x), :drive sink::discard() }
        .run()
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "merge: stopped: stage `merge` has no inputs; it needs at least 1"
    );
}

#[tokio::test]
async fn a_name_that_is_given_twice_does_not_start() {
    let inputs = source::merge((vec![1].named("tcp"), vec![2].named("tcp")));
    let failure = pipeline! { [inputs] 2 map(|x| x) }
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    let said =
        "tcp: stopped: stage `tcp` has the name of another one; name each source as nothing else";
    assert_eq!(failure.to_string(), said);
    let failure = pipeline! { [vec![1].named("map")] map(|x| x) }
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    let said =
        "map: stopped: stage `map` has the name of another one; name each source as nothing else";
    assert_eq!(failure.to_string(), said);
    // Names that nobody has given are made different.
    let pipeline = pipeline! { [source::merge((vec![1], vec![2]))] 2 map(|x| x) };
    assert_eq!(pipeline.plan().rows[1].stages, ["source#2"]);
}

#[tokio::test]
async fn what_has_no_row_has_no_name() {
    let inputs = source::merge((vec![1], vec![2])).named("both");
    let failure = pipeline! { [inputs] 2 map(|x| x) }
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    let said = "both: stopped: stage `both` has no row that could have a name; name its inputs, one by one";
    assert_eq!(failure.to_string(), said);
}

#[tokio::test]
async fn a_hundred_inputs_are_one() {
    let mut senders = Vec::new();
    let mut inputs = Vec::new();
    for _ in 0..100 {
        let (sender, receiver) = channel(4);
        senders.push(sender);
        inputs.push(receiver);
    }
    let mut items = pipeline! { [source::merge(inputs)] 2 map(|x| x) }.stream();
    for (x, sender) in senders.iter().rev().enumerate() {
        sender.send(x).await.unwrap();
        assert_eq!(in_time(items.next()).await.unwrap().unwrap(), x);
    }
    drop(senders);
    assert!(in_time(items.next()).await.is_none());
}

/// Its queue is sent to by what the other input brings.
#[tokio::test(start_paused = true)]
async fn a_queue_that_the_other_input_fills_is_worked_off() {
    let queue = memory::<u64>();
    let deliveries = queue
        .clone()
        .deliveries()
        .wait(Duration::from_secs(1))
        .until_idle();
    let messages = pipeline! { [deliveries] map(|delivery| *delivery) };
    let inputs = source::merge((messages, 0..10_u64));
    let send = queue.clone();
    pipeline! {
        [inputs]
        :async 2 tap(async |x| if *x < 10 { send.send(vec![Outgoing::new(*x + 100)]).await.map(drop).unwrap() }),
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    assert!(queue.is_empty());
}
