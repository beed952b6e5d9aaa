//! What a user reads: failures, plans and reports.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use brigade::prelude::*;
use brigade::source::{Line, SourceError};
use brigade::{Origin, Plan, Runs};

use crate::fakes::{Kept, in_time};

fn plan() -> Plan {
    pipeline! {
        [0..10_u64]
        map(|x| x + 1) with { name: "add" },
        :block 2 map(|x| x * 2) with { name: "double", window: 10 },
        :async 20 map(|x| async move { x }) with { name: "say \"x\"", buffer: 30, window: 40 },
        batch(5),
        :drive sink::each(|_batch: Vec<u64>| ()) with { name: "out", buffer: 1 }
    }
    .plan()
}

#[test]
fn a_plan_tells_what_will_run_and_the_most_items_in_memory() {
    let plan = plan();
    let rows: Vec<_> = plan
        .rows
        .iter()
        .map(|row| {
            (
                row.stages.join("+"),
                row.runs,
                row.count,
                row.window,
                row.max_items,
                row.automatic,
            )
        })
        .collect();
    let row = |stages: &str, runs, count, window, most, automatic| {
        (stages.to_owned(), runs, count, window, most, automatic)
    };
    assert_eq!(rows[0], row("source", Runs::Source, 1, 0, 0, false));
    assert_eq!(
        rows[1],
        row("add+double", Runs::Threads, 2, 10, 10 + 30, false)
    );
    assert_eq!(rows[2].2, 20);
    assert_eq!(
        rows[3].4,
        2 * 5,
        "behind a batch: one that fills and one that waits"
    );
    assert_eq!(plan.threads, 2);
    assert_eq!(
        plan.max_items,
        plan.rows.iter().map(|row| row.max_items).sum::<usize>()
    );
}

#[test]
fn a_plan_is_a_table_a_flow_chart_and_a_graph() {
    let plan = plan();
    let table = plan.to_string();
    for part in [
        "stages",
        "add, double",
        "2 threads",
        "20 in flight",
        "2 threads; at most ",
    ] {
        assert!(table.contains(part), "no {part} in\n{table}");
    }
    let chart = plan.to_mermaid();
    assert!(
        chart.starts_with("flowchart LR\n    s0[\"source<br/>source\"]\n"),
        "{chart}"
    );
    assert!(chart.contains("    s1 -->|\"≤ 40\"| s2\n"), "{chart}");
    assert!(chart.contains("say #quot;x#quot;"), "{chart}");
    let graph = plan.to_dot();
    assert!(
        graph.starts_with("digraph pipeline {") && graph.ends_with("}\n"),
        "{graph}"
    );
    assert!(
        graph.contains("    s1 -> s2 [label=\"≤ 40\"];\n"),
        "{graph}"
    );
    assert!(graph.contains("say \\\"x\\\""), "{graph}");
}

#[test]
fn a_plan_can_be_serialised() {
    let plan = serde_json::to_value(plan()).unwrap();
    assert_eq!(plan["threads"], 2);
    assert_eq!(
        plan["rows"][1]["stages"],
        serde_json::json!(["add", "double"])
    );
    assert_eq!(plan["rows"][1]["max_items"], 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_a_table_with_a_row_for_every_stage_and_a_verdict() {
    let failures = Kept::<Failure>::open();
    let errors = failures.clone();
    let run = pipeline! {
        [0..100_u64, errors]
        filter(|x| x % 2 == 0) with { name: "even" },
        :block 2 map(|x| if x == 50 { Err("fifty") } else { Ok(x) })? with { name: "check" },
        :drive sink::each(|_x| ()) with { name: "out" }
    }
    .run();
    let report = in_time(run).await.unwrap();
    let names: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.id.to_string(), &*row.name))
        .collect();
    let row = |id: &str, name| (id.to_owned(), name);
    assert_eq!(
        names,
        [
            row("0", "source"),
            row("1", "even"),
            row("2", "check"),
            row("3", "out")
        ]
    );
    let counts: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.entered, row.done, row.filtered, row.failed))
        .collect();
    assert_eq!(
        counts,
        [
            (100, 100, 0, 0),
            (100, 50, 50, 0),
            (50, 49, 0, 1),
            (49, 49, 0, 0)
        ]
    );
    let table = report.to_string();
    assert_eq!(table.lines().count(), 6, "{table}");
    assert!(
        table.contains("in = done + filtered + failed in every row"),
        "{table}"
    );
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["rows"][2]["failed"], 1);
    for time in report.rows.iter().filter_map(|row| row.time) {
        let sum = time.busy + time.starved + time.blocked + time.limited;
        assert!(sum <= time.available, "{time:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bottleneck_is_the_slow_one_even_if_it_is_the_reader() {
    let slow = || std::thread::sleep(Duration::from_micros(500));
    let reader = pipeline! {
        [source::iter((0..200_u64).inspect(move |_| slow()))]
        :block 2 map(|x| x),
        :drive sink::each(|_x| ())
    };
    let report = in_time(reader.run()).await.unwrap();
    assert_eq!(report.bottleneck.as_deref(), Some("source"), "{report}");
    let time = report.stage("map").unwrap().time.unwrap();
    assert!(time.starved > time.busy, "{report}");
    let stage = pipeline! {
        [0..200_u64]
        2 map(|x| x),
        :block 1 tap(|_x| slow()) with { name: "slow" },
        :drive sink::each(|_x| ())
    };
    assert_eq!(
        in_time(stage.run()).await.unwrap().bottleneck.as_deref(),
        Some("slow")
    );
    let writer = pipeline! {
        [0..200_u64]
        :block 1 map(|x| x),
        :drive sink::each(move |_x| slow()) with { name: "writer" }
    };
    assert_eq!(
        in_time(writer.run()).await.unwrap().bottleneck.as_deref(),
        Some("writer")
    );
}

#[derive(Debug, thiserror::Error)]
#[error("cannot look up")]
struct Outer(#[source] std::num::ParseIntError);

#[tokio::test]
async fn a_failure_says_where_why_and_what_on_one_line() {
    let failures = Kept::open();
    let errors = failures.clone();
    let line = line!() + 5;
    in_time(
        pipeline! {
            [["1", "x\ny"], errors]
            push_task(text),
            let number = text.parse::<u64>().map_err(Outer)?,
            map(|m| m.number),
            :drive sink::each(|_x| ())
        }
        .run(),
    )
    .await
    .unwrap();
    let failure: Failure<&str> = failures.items.take().remove(0);
    assert_eq!(
        failure.to_string(),
        "number: cannot look up: invalid digit found in string"
    );
    assert_eq!(failure.task(), Some(&"x\ny"));
    assert_eq!(failure.frames(), ["text"]);
    assert_eq!(failure.stage().name, "number");
    assert_eq!(failure.stage().id.to_string(), "2");
    assert!(failure.stage().file.ends_with("values.rs"));
    assert_eq!(failure.stage().line, line);
    assert_eq!(
        failure.stage().command,
        "let number = text.parse::<u64>().map_err(Outer)?"
    );
    assert_eq!(failure.source().unwrap().to_string(), "cannot look up");
    let debugged = format!("{failure:?}");
    assert!(
        debugged.contains("&str") && !debugged.contains("x\\ny"),
        "{debugged}"
    );
}

#[tokio::test]
async fn a_let_of_several_keys_waits_for_all_at_once_and_each_is_a_key_like_any_other() {
    /// Waits until somebody else waits, too.
    async fn half(number: u64, both: &tokio::sync::Barrier) -> Result<u64, &'static str> {
        both.wait().await;
        number.is_multiple_of(2).then_some(number / 2).ok_or("odd")
    }
    let failures = Kept::open();
    let (errors, both) = (failures.clone(), Arc::new(tokio::sync::Barrier::new(2)));
    let run = pipeline! {
        [[4_u64, 3, 6], errors]
        use both;
        push_task(number),
        :async let (quarter, lower) = tokio::try_join!(half(*number, &both), half(number + 2, &both))?,
        :block 2 let (sum, lower, _) = (quarter + lower, lower.to_string(), "dropped"),
        forget(quarter),
        mapduce(lower => checked, |lower| if lower == "3" { Ok(()) } else { Err(lower.clone()) })?,
        map(|m| m.sum),
        :drive sink::each(|sum| assert_eq!(sum, 5))
    };
    let report = in_time(run.run()).await.unwrap();
    let names: Vec<_> = report.rows.iter().map(|row| &*row.name).collect();
    let (first, second) = ("(quarter, lower)", "(sum, lower)");
    let expected = [
        "source", "number", first, second, "forget", "checked", "map", "sink",
    ];
    assert_eq!(names, expected);
    let failures: Vec<Failure<u64>> = failures.items.take();
    let said: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["(quarter, lower): odd", "checked: 4"]);
    assert_eq!(failures[0].frames(), ["number"]);
    assert_eq!(failures[1].frames(), ["number", "lower", "sum"]);
    assert_eq!(failures[1].task(), Some(&6));
}

fn line(number: u64) -> Line {
    Line {
        text: format!("x{number}"),
        origin: "posts.ndjson".into(),
        number,
        offset: 10 * number,
    }
}

#[tokio::test]
async fn a_failure_of_a_line_says_where_the_line_is() {
    let places = [
        "number: bad, at posts.ndjson:1 (byte 10)",
        "number: bad, at posts.ndjson:2 (byte 20)",
    ];
    let failures = Kept::open();
    let errors = failures.clone();
    let parallel = pipeline! {
        [[line(1), line(2)], errors]
        push_task(original),
        :block 2 let number = original.parse::<u64>().map_err(|_| "bad")?,
        map(|m| m.number),
        :drive sink::each(|_x| ())
    };
    in_time(parallel.run()).await.unwrap();
    let failures: Vec<Failure<Line>> = failures.items.take();
    let mut said: Vec<_> = failures.iter().map(ToString::to_string).collect();
    said.sort();
    assert_eq!(said, places);

    let inline = pipeline! {
        [[line(1)]]
        push_task(original),
        let number = original.parse::<u64>().map_err(|_| "bad")?,
        map(|m| m.number),
    };
    let failure = in_time(inline.collect::<Vec<_>>()).await.unwrap_err();
    assert_eq!(failure.to_string(), places[0]);
}

/// As many errors are: the words of its source are in its own.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up: {0}")]
struct Told(#[source] std::num::ParseIntError);

#[derive(Debug, thiserror::Error)]
#[error("no answer: {0}")]
struct ToldAgain(#[source] Told);

#[test]
fn what_an_error_says_of_its_source_is_said_once() {
    let parse = || "x".parse::<u64>().unwrap_err();
    let cause = |error| Cause::Error(error).to_string();
    let (number, no_answer) = ("invalid digit found in string", "no answer: cannot look up");
    assert_eq!(
        cause(Told(parse()).into()),
        format!("cannot look up: {number}")
    );
    assert_eq!(
        cause(ToldAgain(Told(parse())).into()),
        format!("{no_answer}: {number}")
    );
    let wrapped = SourceError::new(Outer(parse()));
    assert_eq!(wrapped.source().unwrap().to_string(), number);
    assert_eq!(cause(wrapped.into()), format!("cannot look up: {number}"));
    assert_eq!(
        cause(Outer(parse()).into()),
        format!("cannot look up: {number}")
    );
}

#[tokio::test]
async fn line_breaks_in_a_cause_do_not_break_the_line() {
    let run =
        pipeline! { [0..1_u64] map(|_x| Err::<u64, _>("one\ntwo"))?, :drive sink::each(|_x| ()) }
            .run();
    assert_eq!(
        in_time(run).await.unwrap_err().to_string(),
        "map: one\\ntwo"
    );
}

#[test]
fn an_origin_names_the_place() {
    assert_eq!(Origin::new("a.txt").to_string(), "a.txt");
    assert_eq!(
        Origin::new("a.txt").at(3, 17).to_string(),
        "a.txt:3 (byte 17)"
    );
}
