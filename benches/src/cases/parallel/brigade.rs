//! brigade's own contenders.

use std::pin::pin;

use brigade::prelude::*;
use futures::{Stream, StreamExt as _};

use super::work::{Expected, Job, Ordered};
use crate::case::Sample;
use crate::rt::Consumer;

/// Two threads.
pub(super) fn block(job: Job, items: u64, window: bool, expected: Expected) -> Sample {
    Consumer::Spawned.measure(items, async move {
        if window {
            ordered(pipeline! { [0..items] :block 2 map(move |number| job.run(number)) with { window: 256 } }.stream(), expected).await;
        } else {
            ordered(pipeline! { [0..items] :block 2 map(move |number| job.run(number)) }.stream(), expected).await;
        }
    })
}

/// Two tasks.
pub(super) fn tasks(job: Job, items: u64, window: bool, expected: Expected) -> Sample {
    Consumer::Spawned.measure(items, async move {
        if window {
            ordered(
                pipeline! { [0..items] 2 map(move |number| job.run(number)) with { window: 256 } }
                    .stream(),
                expected,
            )
            .await;
        } else {
            ordered(
                pipeline! { [0..items] 2 map(move |number| job.run(number)) }.stream(),
                expected,
            )
            .await;
        }
    })
}

async fn ordered(results: impl Stream<Item = Result<u64, Failure>>, expected: Expected) {
    let mut results = pin!(results);
    let mut all = Ordered::default();
    while let Some(item) = results.next().await {
        all.item(item.expect("nothing fails"));
    }
    all.end(expected);
}
