//! The peak of this process.

use std::fs;
use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::count::Held;
use crate::case::Sample;
use crate::rt::Consumer;

/// A pipeline of every kind of stage.
pub(super) fn brigade(items: u64) -> Sample {
    Consumer::Spawned.run(async move {
        let held = Held::default();
        let stages = pipeline! {
            [source::iter(held.items(items))]
            1 map(|item| item) with { name: "task" },
            :block 2 map(|item| item) with { name: "threads" },
            :async 16 map(async |item| item) with { name: "futures" },
        };
        let mut results = pin!(stages.stream());
        while let Some(item) = results.next().await {
            held.used(item.expect("nothing fails"));
        }
        held.end(items);
    });
    sample()
}

/// What the system says is the most memory that this process has had.
pub(super) fn sample() -> Sample {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse().ok())
        .expect("the peak in kB");
    Sample::new().with("peak", peak)
}
