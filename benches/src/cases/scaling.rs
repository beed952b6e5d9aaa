//! Whether an item costs the same in a long pipeline, and with more threads than one.

use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::hops::load::{Check, Load as _};
use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::{Consumer, runtime};

/// Hops with 1, 2 and 4 worker threads, and with 1 to 32 stages.
pub fn case(size: Size) -> Case {
    let note = "The hops once more: what an item costs in each stage, with more and fewer stages and worker threads. \
                The consumer is a spawned task. Wake-ups between threads are what makes more threads dearer than one \
                here, where there is no work to share out.";
    let items = size.items(24_000_000);
    let mut threads = Table::new("three stages, by worker threads");
    for workers in [1, 2, 4] {
        threads = threads.contender(Contender::new(
            format!("brigade, threads: {workers}"),
            "three `1 map(…)` with `buffer: 1024`",
            move || a_stage(3, &three(workers, items / 3)),
        ));
    }
    let mut stages = Table::new("two worker threads, by stages").columns([
        ("wall", "ns/item and stage"),
        ("cpu", "CPU ns/item and stage"),
    ]);
    threads = threads.columns([
        ("wall", "ns/item and stage"),
        ("cpu", "CPU ns/item and stage"),
    ]);
    for (count, run) in LENGTHS {
        stages = stages.contender(Contender::new(
            format!("brigade, stages: {count}"),
            "`1 map(…)` with `buffer: 1024`",
            move || a_stage(*count, &run(2, items / count)),
        ));
    }
    Case::new("scaling", "More stages, more threads", note)
        .table(threads)
        .table(
            stages.goal(
                Goal::within("brigade, stages: 32", "brigade, stages: 4", 1.25)
                    .column("cpu")
                    .wording("32 stages ≤ 1.25 × the CPU time of 4 stages an item and stage"),
            ),
        )
}

fn a_stage(stages: u64, sample: &Sample) -> Sample {
    sample.iter().fold(Sample::new(), |all, (column, value)| {
        all.with(column, value / stages as f64)
    })
}

/// A function that runs a pipeline with a stage for each of the marks.
macro_rules! pipeline_of {
    ($name:ident: $($mark:tt)*) => {
        fn $name(workers: usize, items: u64) -> Sample {
            let steps = [$(stringify!($mark)),*].len() as u64;
            Consumer::Spawned.measure_on(&runtime(workers), items, async move {
                let stages = pipeline! {
                    [0..items]
                    $(1 map(pipeline_of!(@step $mark)) with { buffer: 1024 },)*
                };
                let mut stream = pin!(stages.stream());
                let mut check = Check::of(steps);
                while let Some(item) = stream.next().await {
                    check.item(item.expect("nothing fails"));
                }
                check.end(items);
            })
        }
    };
    (@step $mark:tt) => { u64::step };
}

pipeline_of!(one: .);
pipeline_of!(two: . .);
pipeline_of!(three: . . .);
pipeline_of!(four: . . . .);
pipeline_of!(eight: . . . . . . . .);
pipeline_of!(sixteen: . . . . . . . . . . . . . . . .);
pipeline_of!(thirty_two: . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . .);

type Run = fn(usize, u64) -> Sample;

const LENGTHS: &[(u64, Run)] = &[
    (1, one),
    (2, two),
    (4, four),
    (8, eight),
    (16, sixteen),
    (32, thirty_two),
];
