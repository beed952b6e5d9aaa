//! What reports and plans say of each row: names, outputs, time.

use std::time::Duration;

use brigade::Name;
use brigade::prelude::*;
use brigade::queue;
use brigade::sink::{Sink, SinkError, Written};
use brigade::source::{Flow, Pulled, Source, SourceError};

use crate::fakes::{Gate, ThenNever, eventually, in_time};

#[tokio::test(start_paused = true)]
async fn stages_in_front_of_a_sink_emit_what_they_pass_on() {
    let run = pipeline! {
        [0..10_u64]
        filter(|x| x % 2 == 0) with { name: "even" },
        map(|x| x + 1),
        :drive sink::each(|_| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    let emitted: Vec<_> = report
        .rows
        .iter()
        .map(|row| (&*row.name, row.done, row.emitted))
        .collect();
    assert_eq!(
        emitted,
        [
            ("source", 10, 10),
            ("even", 5, 5),
            ("map", 5, 5),
            ("sink", 5, 0)
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_stands_in_the_row_that_the_bottleneck_is_named_after() {
    let run = pipeline! {
        [0..100_u64]
        filter(|_| true) with { name: "before" },
        :block 2 map(|x| { std::thread::sleep(Duration::from_millis(1)); x }) with { name: "main" },
        map(|x| x) with { name: "behind" },
        :async 1 map(|x| async move { x }) with { name: "other" },
        map(|x| x) with { name: "last" },
        :drive sink::each(|_| ())
    }
    .run();
    let report = in_time(run).await.unwrap();
    let timed: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.time.is_some())
        .map(|row| &*row.name)
        .collect();
    assert_eq!(timed, ["source", "main", "other", "sink"]);
    assert_eq!(report.bottleneck.as_deref(), Some("main"));
}

#[test]
fn plans_count_in_singular_and_plural() {
    let one =
        pipeline! { [0..1_u64] :block map(|x| x), 1 map(|x| x), :drive sink::each(|_| ()) }.plan();
    let said = one.to_string();
    assert!(said.contains("\n1 thread; at most "), "{said}");
    let two = pipeline! {
        [0..1_u64]
        :block 2 map(|x| x),
        2 map(|x| x),
        :block 2 map(|x| x) with { pool },
        :async 2 map(|x| async move { x }),
        :drive 2 sink::each(|_| ())
    };
    let said = two.plan().to_string();
    for part in [
        "2 threads",
        "2 tasks",
        "2 pool threads",
        "2 in flight",
        "2 writers",
        "\n2 threads; at most ",
    ] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
}

/// An end whose name is made while the program runs.
struct Named(String);

impl Sink<u64> for Named {
    async fn write(&self, items: Vec<u64>) -> Result<Written, SinkError<u64>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            if item == 3 {
                written.fail(index, "three");
            }
        }
        Ok(written)
    }

    fn name(&self) -> Name {
        self.0.clone().into()
    }
}

impl Source for Named {
    type Item = u64;

    async fn pull(&mut self, _max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        (0..5).for_each(|item| out.push(item));
        Ok(Flow::End)
    }

    fn name(&self) -> Name {
        self.0.clone().into()
    }
}

#[tokio::test(start_paused = true)]
async fn the_names_of_ends_reach_plans_reports_and_failures() {
    let (orders, table) = (
        Named("orders of today".into()),
        Named("table of today".into()),
    );
    let pipeline = pipeline! { [orders] map(|x| x), :drive table };
    let plan = pipeline.plan();
    assert_eq!(plan.rows[0].stages, ["orders of today"]);
    assert_eq!(plan.rows[1].stages, ["map", "table of today"]);
    let failure = in_time(pipeline.run()).await.unwrap_err();
    assert_eq!(failure.to_string(), "table of today: three");
    let report = failure.into_report().unwrap();
    assert_eq!(report.stage("orders of today").unwrap().done, 5);
    assert!(report.stage("table of today").is_ok(), "{report}");
    assert!(report.to_string().contains("table of today"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_written_name_goes_before_that_of_the_sink_and_every_name_is_there_once() {
    let table = Named("table of today".into());
    let plan = pipeline! { [0..3_u64] :drive table with { name: "rows" } }.plan();
    assert_eq!(plan.rows[1].stages, ["rows"]);
    let table = Named("map".into());
    let plan = pipeline! { [0..3_u64] :async 2 map(|x| async move { x }), :drive table }.plan();
    assert_eq!(plan.rows[2].stages, ["map#2"]);
    let table = sink::each(|_: u64| ());
    let plan = pipeline! { [0..3_u64] :drive table }.plan();
    assert_eq!(
        plan.rows[1].stages,
        ["table"],
        "a sink without a name has that of its variable"
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_named_at_both_ends() {
    let (orders, done) = (queue::memory::<String>(), queue::memory::<String>());
    assert_eq!(&*queue::Queue::name(&orders), "memory");
    let plan = pipeline! {
        [orders.deliveries()]
        :async 2 map(|order| async move { order.to_string() }),
        :drive done.sink()
    }
    .plan();
    assert_eq!(plan.rows[0].stages, ["memory"]);
    assert_eq!(plan.rows[2].stages, ["memory#2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_past_its_deadline_names_a_source_that_blocks_and_what_waits_between_stages() {
    let (gate, pass) = (Gate::closed(), Gate::closed());
    let (blocked, call) = (gate.clone(), pass.clone());
    let items = (0..).inspect(move |item: &u64| {
        if *item == 20 {
            blocked.block();
        }
    });
    let running = pipeline! {
        [source::iter(items)]
        use call;
        :block 1 map(|x| x) with { name: "first", window: 100, buffer: 100 },
        :block 1 map(|x| { call.block(); x }) with { name: "second", window: 1, buffer: 100 },
        :drive sink::each(|_x| ())
    }
    .spawn();
    let handle = running.handle();
    eventually("all but one wait", || {
        let report = handle.report();
        report.stage("first").unwrap().done >= 7 && report.stage("second").unwrap().entered == 1
    })
    .await;
    let done = handle.report().stage("first").unwrap().done;
    let drained = tokio::spawn(async move { running.drain(Duration::from_millis(20)).await });
    let failure = in_time(drained).await.unwrap().unwrap_err();
    let said = failure.to_string();
    let waits = format!(
        "{} items waited for `second`, `second` kept 1 item",
        done - 1
    );
    assert!(
        said.contains("`source` had not returned from a call, "),
        "{said}"
    );
    assert!(said.contains(&waits), "{said}, not {waits}");
    gate.open();
    pass.open();
}

/// An errors end that never returns.
struct Stuck;

impl Sink<Failure> for Stuck {
    async fn write(&self, _failures: Vec<Failure>) -> Result<Written, SinkError<Failure>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_drain_past_its_deadline_names_an_errors_end_that_has_not_taken_what_failed() {
    let running = pipeline! {
        [0..3_u64, Stuck]
        1 map(|x| if x == 1 { Err("one") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .spawn();
    eventually("a failure", || running.report().rows[1].failed == 1).await;
    let failure = in_time(running.drain(Duration::from_millis(20)))
        .await
        .unwrap_err();
    let said = failure.to_string();
    assert!(said.contains("1 item waited for `errors end`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_past_its_deadline_names_no_source_that_only_waits() {
    let gate = Gate::closed();
    let pass = gate.clone();
    let running = pipeline! {
        [ThenNever::after(3)]
        use pass;
        :block 1 map(|x| { pass.block(); x }) with { name: "calls" },
        :drive sink::each(|_x| ())
    }
    .spawn();
    let handle = running.handle();
    eventually("a call", || {
        handle.report().stage("calls").unwrap().entered > 0
    })
    .await;
    let failure = in_time(running.drain(Duration::from_millis(20)))
        .await
        .unwrap_err();
    assert!(
        !failure.to_string().contains("had not returned"),
        "{failure}"
    );
    gate.open();
}
