//! What every sink promises.

use std::fmt::Debug;

use futures::future::join_all;
use pipeline_runtime::sink::{Sink, Written};

/// Checks a sink: what is written is `stored` afterwards, each item once, in batches of any size, also of none, and
/// with several writes at the same time.
///
/// `make` makes an empty sink each time it is called; `stored` reads what one holds, in any order. None of the `items`
/// may fail.
///
/// # Panics
///
/// If one of these does not hold; the message says which.
pub async fn sink<T, S>(make: impl AsyncFn() -> S, stored: impl AsyncFn(&S) -> Vec<T>, items: &[T])
where
    T: Clone + PartialEq + Debug,
    S: Sink<T>,
{
    for size in [1, 3, items.len().max(1)] {
        let sink = make().await;
        assert!(failed(&write(&sink, &[]).await).is_empty());
        for batch in items.chunks(size) {
            let written = write(&sink, batch).await;
            assert!(failed(&written).is_empty(), "it failed: {written:?}");
        }
        sink.flush().await.expect("it does not flush");
        same(&stored(&sink).await, items, "in batches");
    }
    let sink = make().await;
    for written in join_all(items.chunks(2).map(|batch| write(&sink, batch))).await {
        assert!(failed(&written).is_empty(), "it failed: {written:?}");
    }
    sink.flush().await.expect("it does not flush");
    same(&stored(&sink).await, items, "at the same time");
}

/// Checks a sink that can fail a single item: `bad` among the `good` ones fails, under its own index, and all the
/// others are stored.
///
/// # Panics
///
/// If that does not hold; the message says what happened.
pub async fn sink_reports_failures<T, S>(
    make: impl AsyncFn() -> S,
    stored: impl AsyncFn(&S) -> Vec<T>,
    good: &[T],
    bad: &T,
) where
    T: Clone + PartialEq + Debug,
    S: Sink<T>,
{
    for place in 0..=good.len() {
        let sink = make().await;
        let mut batch = good.to_vec();
        batch.insert(place, bad.clone());
        let written = write(&sink, &batch).await;
        assert_eq!(failed(&written), [place], "the wrong items failed");
        sink.flush().await.expect("it does not flush");
        same(&stored(&sink).await, good, "beside one that failed");
    }
}

async fn write<T: Clone>(sink: &impl Sink<T>, items: &[T]) -> Written {
    let written = sink.write(items.to_vec()).await;
    written.expect("it failed as a whole")
}

fn failed(written: &Written) -> Vec<usize> {
    written.failures().map(|(index, _)| index).collect()
}

/// Compares without regard to order.
fn same<T: PartialEq + Debug>(stored: &[T], items: &[T], how: &str) {
    let count = |all: &[T], item: &T| all.iter().filter(|other| *other == item).count();
    for item in items.iter().chain(stored) {
        let (is, should) = (count(stored, item), count(items, item));
        assert_eq!(is, should, "written {how}, {item:?} is stored {is} times");
    }
}
