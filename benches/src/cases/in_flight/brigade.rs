//! brigade's own contenders.

use std::pin::pin;

use brigade::prelude::*;
use futures::{Stream, StreamExt as _};

use super::work::{Expected, Work};
use crate::case::Sample;
use crate::rt::Consumer;

pub(super) fn ordered<W: Work>(consumer: Consumer, count: usize, mut expected: Expected) -> Sample {
    consumer.measure(expected.items, async move {
        let stages = pipeline! { [0..expected.items] :async (count) map(W::run) };
        each(stages.stream(), |result| expected.in_order(result)).await;
        expected.end();
    })
}

pub(super) fn unordered<W: Work>(
    consumer: Consumer,
    count: usize,
    mut expected: Expected,
) -> Sample {
    consumer.measure(expected.items, async move {
        let stages =
            pipeline! { [0..expected.items] :async (count) map(W::run) with { unordered } };
        each(stages.stream(), |result| expected.any(result)).await;
        expected.end();
    })
}

async fn each(results: impl Stream<Item = Result<u64, Failure>>, mut take: impl FnMut(u64)) {
    let mut results = pin!(results);
    while let Some(result) = results.next().await {
        take(result.expect("nothing fails"));
    }
}
