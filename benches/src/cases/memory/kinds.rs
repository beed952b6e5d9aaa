//! Pipelines of every kind of stage, and what they hold.

use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::count::Held;
use crate::case::Sample;
use crate::rt::Consumer;

/// A pipeline over so many items.
type Run = fn(u64) -> Sample;

pub(super) const ALL: [(&str, &str, Run); 5] = [
    (
        "tasks",
        "`2 map(…) with { window: 64 }`, `1 map(…) with { buffer: 16 }`",
        tasks,
    ),
    (
        "threads",
        "`:block 2 map(…) with { window: 64 }`, `:block 1 map(…)`",
        threads,
    ),
    (
        "futures",
        "`:async 16 map(…) with { buffer: 10, window: 20 }`",
        futures,
    ),
    ("batches", "`1 map(…)`, `batch(100)`", batches),
    (
        "nothing written",
        "`1 map(…)`, `:block 2 map(…)`, `:async 16 map(…)`",
        automatic,
    ),
];

/// Runs it to the end, and compares what it held with its plan.
macro_rules! held {
    ($items:expr, { $($stages:tt)* }, |$held:ident, $item:ident| $use:expr) => {
        Consumer::Spawned.run({
            let items = $items;
            async move {
                let $held = Held::default();
                let stages = pipeline! { [source::iter($held.items(items))] $($stages)* };
                let printed = stages.plan().max_items;
                let mut results = pin!(stages.stream());
                while let Some(result) = results.next().await {
                    let $item = result.expect("nothing fails");
                    $use;
                }
                $held.end(items);
                $held.sample(printed)
            }
        })
    };
}

type Item = Box<[u8; 100]>;

#[allow(
    clippy::unnecessary_box_returns,
    reason = "items are on the heap, where they are counted"
)]
fn same(item: Item) -> Item {
    item
}

fn tasks(items: u64) -> Sample {
    held!(items, {
        2 map(same) with { name: "first", window: 64 },
        1 map(same) with { buffer: 16 },
    }, |held, item| held.used(item))
}

fn threads(items: u64) -> Sample {
    held!(items, {
        :block 2 map(same) with { name: "first", window: 64 },
        :block 1 map(same),
    }, |held, item| held.used(item))
}

fn futures(items: u64) -> Sample {
    held!(items, {
        :async 16 map(async |item: Item| item) with { buffer: 10, window: 20 },
    }, |held, item| held.used(item))
}

fn batches(items: u64) -> Sample {
    held!(items, { 1 map(same), batch(100) }, |held, batch| {
        for item in batch {
            held.used(item);
        }
    })
}

fn automatic(items: u64) -> Sample {
    held!(items, {
        1 map(same) with { name: "first" },
        :block 2 map(same),
        :async 16 map(async |item: Item| item) with { name: "last" },
    }, |held, item| held.used(item))
}
