//! The same as others write it.

use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::work::{Expected, Work};
use crate::case::Sample;
use crate::rt::Consumer;

/// The short form, in the order in which the futures end.
pub(super) fn buffer_unordered<W: Work>(
    consumer: Consumer,
    count: usize,
    mut expected: Expected,
) -> Sample {
    consumer.measure(expected.items, async move {
        let results = stream::iter(0..expected.items)
            .map(W::run)
            .buffer_unordered(count);
        let mut results = pin!(results);
        while let Some(result) = results.next().await {
            expected.any(result);
        }
        expected.end();
    })
}

/// The short form, in order.
pub(super) fn buffered<W: Work>(
    consumer: Consumer,
    count: usize,
    mut expected: Expected,
) -> Sample {
    consumer.measure(expected.items, async move {
        let results = stream::iter(0..expected.items).map(W::run).buffered(count);
        let mut results = pin!(results);
        while let Some(result) = results.next().await {
            expected.in_order(result);
        }
        expected.end();
    })
}

/// What is written where the futures shall use both cores.
pub(super) fn join_set<W: Work>(
    consumer: Consumer,
    count: usize,
    mut expected: Expected,
) -> Sample {
    consumer.measure(expected.items, async move {
        let permits = Arc::new(Semaphore::new(count));
        let mut tasks = JoinSet::new();
        for number in 0..expected.items {
            let permit = Arc::clone(&permits).acquire_owned().await;
            tasks.spawn(async move {
                let result = W::run(number).await;
                drop(permit);
                result
            });
            // Results must not pile up.
            while let Some(result) = tasks.try_join_next() {
                expected.any(result.expect("nothing fails"));
            }
        }
        while let Some(result) = tasks.join_next().await {
            expected.any(result.expect("nothing fails"));
        }
        expected.end();
    })
}
