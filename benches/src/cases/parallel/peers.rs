//! The same work as the users of other crates would write it.

use std::thread;

use futures::{StreamExt as _, stream};
use pariter::IteratorExt as _;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tokio::runtime::Builder;

use super::work::{Expected, Job, Ordered};
use crate::case::Sample;
use crate::rt::Consumer;

/// No second core.
pub(super) fn plain(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    Sample::of(items, || {
        let mut all = Ordered::default();
        for number in 0..items {
            all.item(job.run(number));
        }
        all.end(expected);
    })
}

/// Nothing is handed over: what two cores can do at most.
pub(super) fn halves(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    Sample::of(items, || {
        let half = items / 2;
        let first = thread::spawn(move || job.sum(0..half));
        let second = job.sum(half..items);
        expected.sum(
            first
                .join()
                .expect("it does not panic")
                .wrapping_add(second),
        );
    })
}

/// Without an order, so without a consumer that waits for the next item: each thread adds up what it has.
pub(super) fn rayon(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    let pool = ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .expect("threads can be had");
    Sample::of(items, || {
        let numbers = (0..items).par_bridge();
        let sum = pool.install(|| {
            numbers
                .map(|number| job.run(number))
                .reduce(|| 0, u64::wrapping_add)
        });
        expected.sum(sum);
    })
}

/// An ordered iterator. Without a buffer written it has four places for two threads, and is slower.
pub(super) fn pariter(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    Sample::of(items, || {
        let results = (0..items).parallel_map_custom(
            |options| options.threads(2).buffer_size(256),
            move |number| job.run(number),
        );
        let mut all = Ordered::default();
        for item in results {
            all.item(item);
        }
        all.end(expected);
    })
}

/// What the documentation of tokio says for work that takes long. Two blocking threads, so that two calls run at the
/// same time although 256 may be under way.
pub(super) fn spawn_blocking(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .build()
        .expect("threads can be had");
    Consumer::Spawned.measure_on(&runtime, items, async move {
        let calls = stream::iter(0..items)
            .map(|number| tokio::task::spawn_blocking(move || job.run(number)));
        let mut results = calls.buffered(256);
        let mut all = Ordered::default();
        while let Some(item) = results.next().await {
            all.item(item.expect("it does not panic"));
        }
        all.end(expected);
    })
}

/// A task an item; the two worker threads do two at the same time.
pub(super) fn spawn(job: Job, items: u64, _window: bool, expected: Expected) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let calls =
            stream::iter(0..items).map(|number| tokio::spawn(async move { job.run(number) }));
        let mut results = calls.buffered(256);
        let mut all = Ordered::default();
        while let Some(item) = results.next().await {
            all.item(item.expect("it does not panic"));
        }
        all.end(expected);
    })
}
