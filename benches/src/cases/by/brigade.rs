//! brigade's own contenders.

use std::sync::Arc;

use brigade::prelude::*;

use super::work::{COUNT, HELD, Item, Job, Results, WORKERS, Waits, items};
use crate::case::Sample;
use crate::rt::Consumer;

macro_rules! results {
    ($stages:expr, $count:expr) => {{
        let (mut stages, mut results) = ($stages.stream(), Results::default());
        while let Some(result) = stages.next().await {
            results.add(result.expect("nothing fails"));
        }
        results.end($count);
    }};
}

pub(super) fn futures(keys: Arc<[u64]>, count: u64, waits: Waits) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let stages = pipeline! {
            [source::iter(items(&keys, count))]
            :async (COUNT) map(|item| waits.run(item)) with { by: |item: &Item| item.key, window: HELD, unordered }
        };
        results!(stages, count);
    })
}

pub(super) fn futures_in_order(keys: Arc<[u64]>, count: u64, waits: Waits) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let stages = pipeline! {
            [source::iter(items(&keys, count))]
            :async (COUNT) map(|item| waits.run(item)) with { by: |item: &Item| item.key, window: HELD }
        };
        results!(stages, count);
    })
}

pub(super) fn futures_without_keys(keys: Arc<[u64]>, count: u64, waits: Waits) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let stages = pipeline! {
            [source::iter(items(&keys, count))]
            :async (COUNT) map(|item| waits.run(item)) with { window: HELD, unordered }
        };
        results!(stages, count);
    })
}

pub(super) fn threads(keys: Arc<[u64]>, count: u64, job: Job) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let stages = pipeline! {
            [source::iter(items(&keys, count))]
            :block (WORKERS) map(|item| job.run(item)) with { by: |item: &Item| item.key, window: HELD, unordered }
        };
        results!(stages, count);
    })
}

pub(super) fn tasks(keys: Arc<[u64]>, count: u64, job: Job) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let stages = pipeline! {
            [source::iter(items(&keys, count))]
            (WORKERS) map(|item| job.run(item)) with { by: |item: &Item| item.key, window: HELD, unordered }
        };
        results!(stages, count);
    })
}
