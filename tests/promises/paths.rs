//! Stages of segments and of pipelines that are inputs have paths, by which they are told apart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use brigade::prelude::*;
use brigade::sink::{Sink, SinkError, Written};
use brigade::{FindStageError, Name, SetCountError};

use crate::fakes::in_time;

fn words() -> Segment<String, String> {
    pipeline! {
        flat_map(|line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>()) with { name: "split" },
        :block 2 map(|word| word.to_lowercase()) with { name: "lower" },
    }
}

fn long(least: usize) -> Segment<String, String> {
    pipeline! {
        through(words()),
        filter(move |word| word.len() >= least) with { name: "long" },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stages_of_segments_are_told_apart_by_their_paths() {
    let lines = || vec!["Of a Bucket".to_owned(), "Brigade".to_owned()];
    let pipeline = pipeline! {
        [lines()]
        through(words()),
        through(long(3)),
        through(words()),
        :drive sink::each(|_| ()),
    };
    let plan = pipeline.plan();
    let stages: Vec<_> = plan.rows.iter().flat_map(|row| &row.stages).collect();
    assert_eq!(
        stages,
        [
            "source",
            "words/split",
            "words/lower",
            "long/words/split",
            "long/words/lower",
            "long/long",
            "words#2/split",
            "words#2/lower",
            "sink",
        ]
    );
    let report = in_time(pipeline.run()).await.unwrap();
    assert_eq!(report.stage("words/lower").unwrap().done, 4);
    assert_eq!(report.stage("long/long").unwrap().emitted, 2);
    assert_eq!(report.stage("words#2/lower").unwrap().name, "lower");
    assert_eq!(report.stage("long").unwrap().path, "long/long");
    let ambiguous = report.stage("lower").unwrap_err();
    assert_eq!(
        ambiguous.to_string(),
        "`lower` is the name of several stages; say which: `words/lower`, `long/words/lower`, `words#2/lower`"
    );
    let unknown = report.stage("ower").unwrap_err();
    assert!(matches!(unknown, FindStageError::Unknown { stage } if stage == "ower"));
    assert!(
        report.to_string().contains("\nlong/words/lower "),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_that_is_an_input_has_a_name_and_its_stages_have_paths() {
    let inner = pipeline! { [0..100_u64] :block 2 map(|x| x + 1) }.named("inner");
    let run =
        pipeline! { [inner] :block 3 map(|x| x * 2), :block map(|x| x) with { name: "last" } }
            .collect::<Vec<_>>();
    let handle = run.handle();
    // Exactly this path: that of the other one only ends so.
    handle.set_count("map", 4).unwrap();
    handle.set_count("inner/map", 1).unwrap();
    assert!(matches!(
        handle.set_count("inner/last", 1),
        Err(SetCountError::Find(FindStageError::Unknown { .. }))
    ));
    assert_eq!(in_time(run).await.unwrap().len(), 100);
    let report = handle.report();
    let paths: Vec<_> = report.rows.iter().map(|row| &*row.path).collect();
    assert_eq!(paths, ["inner/source", "inner/map", "inner", "map", "last"]);
    let workers = |stage| report.stage(stage).unwrap().time.unwrap().workers;
    assert_eq!((workers("inner/map"), workers("map")), (1, 4));
    for row in &report.rows {
        let handed: u64 = row.inputs.iter().map(|arrow| arrow.handed).sum();
        let sum = if row.inputs.is_empty() { 100 } else { handed };
        assert_eq!((row.entered, sum), (100, 100), "{report}");
    }
}

/// The paths of what `named` is as an input in front of a segment in the stage `words`.
async fn paths_around_words(named: &'static str) -> Vec<String> {
    let inner = pipeline! {
        [vec!["Of a Bucket".to_owned()]]
        flat_map(|line: String| vec![line]) with { name: "split" },
        :block 2 map(|line| line.to_lowercase()) with { name: "lower" },
    }
    .named(named);
    let run = pipeline! { [inner] through(words()) }.collect::<Vec<_>>();
    let handle = run.handle();
    handle.set_count("words/lower", 3).unwrap();
    assert_eq!(in_time(run).await.unwrap().len(), 3);
    let report = handle.report();
    let workers = |stage| report.stage(stage).unwrap().time.unwrap().workers;
    let paths: Vec<_> = report.rows.iter().map(|row| row.path.to_string()).collect();
    assert_eq!(
        paths.iter().collect::<HashSet<_>>().len(),
        paths.len(),
        "{paths:?}"
    );
    assert_eq!((workers(&paths[2]), workers("words/lower")), (2, 3));
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_given_at_run_time_is_none_that_is_written() {
    let paths = paths_around_words("words").await;
    assert_eq!(
        paths,
        [
            "words#2/source",
            "words#2/split",
            "words#2/lower",
            "words#2",
            "words/split",
            "words/lower"
        ]
    );
    // Nor is it inside of what is written.
    let paths = paths_around_words("words/split").await;
    assert_eq!(paths[2..4], ["words#2/split/lower", "words#2/split"]);
}

struct Posts;

impl Sink<u64> for Posts {
    async fn write(&self, _: Vec<u64>) -> Result<Written, SinkError<u64>> {
        Ok(Written::all())
    }

    fn name(&self) -> Name {
        "posts".into()
    }
}

#[test]
fn a_sink_may_be_called_as_the_variable_which_it_is_in() {
    let posts = Posts;
    let plan = pipeline! { [0..10_u64] map(|x| x) with { name: "map" }, :drive posts }.plan();
    assert_eq!(plan.rows.last().unwrap().stages, ["map", "posts"]);
    let plan = pipeline! { [0..10_u64] map(|x| x) with { name: "posts" }, :drive Posts }.plan();
    assert_eq!(plan.rows.last().unwrap().stages, ["posts", "posts#2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_name_that_two_stages_have_changes_no_count() {
    let inner = pipeline! { [0..10_u64] :block map(|x| x) with { name: "twin" } };
    let inner =
        pipeline! { [inner] through(pipeline! { :block map(|x: u64| x) with { name: "twin" } }) };
    let run = pipeline! { [inner] map(|x| x) }.collect::<Vec<_>>();
    let refused = run.handle().set_count("twin", 2).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`twin` is the name of several stages; say which: `pipeline/pipeline/twin`, `pipeline/through/twin`"
    );
    assert_eq!(in_time(run).await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_tells_the_path_of_its_stage() {
    let strict = || pipeline! { :block map(|x: u64| if x < 5 { Ok(x) } else { Err("much") })? with { name: "check" } };
    let failure = in_time(pipeline! { [0..10_u64] through(strict()) }.collect::<Vec<_>>())
        .await
        .unwrap_err();
    assert_eq!(failure.to_string(), "strict/check: much");
    assert_eq!(failure.stage().name, "check");

    let inner = pipeline! { [0..10_u64] through(strict()) }.named("inner");
    let run = pipeline! { [inner] :block map(|x| x) }.collect::<Vec<_>>();
    let failure = in_time(run).await.unwrap_err();
    assert_eq!(failure.stage().path, "inner/strict/check");
    let report = failure.report().unwrap();
    let row = report.stage("check").unwrap();
    assert_eq!(row.id, failure.stage().id, "{report}");
}

/// Fails with what it is, or not.
fn fails(x: u64, at: u64) -> Result<u64, String> {
    if x == at { Err(x.to_string()) } else { Ok(x) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_errors_end_of_an_inner_pipeline_is_told_where_its_stages_are() {
    let failed = Arc::new(Mutex::new(Vec::new()));
    let end = || {
        let failed = Arc::clone(&failed);
        sink::each(move |failure: Failure| {
            failed.lock().unwrap().push(failure.stage().clone());
        })
    };
    let fused = pipeline! { [0..5_u64, end()] map(|x| fails(x, 0))? with { name: "fused" } };
    let inner = pipeline! {
        [fused.named("fused"), end()]
        :block map(|x| fails(x, 1))? with { name: "thread" },
        :block flat_map(|x: u64| [x]),
        map(|x| fails(x, 2))? with { name: "flat" },
    };
    let middle = pipeline! { [inner.named("inner"), end()] :async map(async |x| fails(x, 3))? with { name: "future" } };
    let outer = pipeline! { [middle.named("middle")] :block map(|x| x) }.collect::<Vec<_>>();
    let handle = outer.handle();
    assert_eq!(in_time(outer).await.unwrap(), [4]);
    let report = handle.report();
    let mut failed = failed.lock().unwrap().clone();
    failed.sort_by(|one, other| one.path.cmp(&other.path));
    let paths: Vec<_> = failed.iter().map(|stage| &*stage.path).collect();
    assert_eq!(
        paths,
        [
            "middle/future",
            "middle/inner/flat",
            "middle/inner/fused/fused",
            "middle/inner/thread"
        ]
    );
    for stage in &failed {
        assert_eq!(report.stage(&stage.path).unwrap().id, stage.id, "{report}");
    }
}

#[test]
fn charts_draw_an_arrow_from_the_end_of_an_inner_pipeline_to_the_source_that_it_is() {
    let inner = pipeline! { [0..10_u64] :block map(|x| x) with { buffer: 2, window: 3 } };
    let plan = pipeline! { [inner] :block map(|x| x) with { buffer: 4 } }.plan();
    let chart = plan.to_mermaid();
    for arrow in [
        "s0 -->|\"≤ 0\"| s1",
        "s1 -->|\"≤ 3\"| s2",
        "s2 -->|\"≤ 0\"| s3",
    ] {
        assert!(chart.contains(arrow), "no {arrow} in\n{chart}");
    }
    assert_eq!(plan.rows[2].inputs[0].from, plan.rows[1].id);
    assert_eq!(plan.rows[2].inputs[0].max_items, 3);
}
