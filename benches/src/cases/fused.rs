//! Stages without a directive: there should be nothing left of them.

use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;

use super::hops::load::{Check, Load as _};
use super::hops::{HAND, peers};
use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

const LOOP: &str = "plain loop";

/// Three plain `map(…)` stages.
pub fn case(size: Size) -> Case {
    let note = "The same three stages without a directive: `map(…)`, `map(…)`, `map(…)`. They run inside the \
                consumer, with panics contained and items counted. The plain loop calls the three functions and uses \
                up what they return in the same way. Peers are those of the hops, which need a task a stage.";
    let items = size.items(50_000_000);
    let stream = |consumer: Consumer| {
        let table = Table::new(format!("`stream()`, {}", consumer.title()))
            .contender(Contender::new(
                "brigade, `stream()`",
                "three `map(…)`, polled item by item",
                move || stream(consumer, items),
            ))
            .contender(Contender::new(LOOP, "`for` over the range", move || {
                plain(items)
            }));
        peers::<u64>(table, consumer, size, 1).goal(Goal::faster(
            "brigade, `stream()`",
            HAND,
            200.0,
        ))
    };
    let collect = Table::new("`collect` into a `Vec` of 100,000")
        .baseline(LOOP)
        .contender(Contender::new(
            "brigade, `collect`",
            "three `map(…)`",
            move || collected(items),
        ))
        .contender(Contender::new(
            LOOP,
            "`for` over the range, `push`",
            move || pushed(items),
        ))
        .contender(Contender::new(
            "iterator",
            "`map`, `map`, `map`, `collect`, which knows the length",
            move || iterated(items),
        ))
        .goal(Goal::within("brigade, `collect`", LOOP, 1.5));
    Case::new("fused", "Fused stages", note)
        .table(stream(Consumer::Spawned))
        .table(stream(Consumer::BlockOn))
        .table(collect)
}

fn stream(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let stages = pipeline! { [0..items] map(u64::step), map(u64::step), map(u64::step) };
        let mut stream = pin!(stages.stream());
        let mut check = Check::new();
        while let Some(item) = stream.next().await {
            check.item(item.expect("nothing fails"));
        }
        check.end(items);
    })
}

fn plain(items: u64) -> Sample {
    Sample::of(items, || {
        let mut check = Check::new();
        for number in 0..items {
            check.item(number.step().step().step());
        }
        check.end(items);
    })
}

/// So long are the `Vec`s: they fit into the cache of a core, so that it is not the memory that is measured.
const LENGTH: u64 = 100_000;

fn collected(items: u64) -> Sample {
    Consumer::BlockOn.measure(items, async move {
        for begin in begins(items) {
            let stages = pipeline! { [begin..begin + LENGTH] map(u64::step), map(u64::step), map(u64::step) };
            seen(begin, &stages.collect::<Vec<u64>>().await.expect("nothing fails"));
        }
    })
}

fn pushed(items: u64) -> Sample {
    Sample::of(items, || {
        for begin in begins(items) {
            let mut all = Vec::new();
            for number in begin..begin + LENGTH {
                all.push(number.step().step().step());
            }
            seen(begin, &all);
        }
    })
}

fn iterated(items: u64) -> Sample {
    Sample::of(items, || {
        for begin in begins(items) {
            let numbers = begin..begin + LENGTH;
            seen(
                begin,
                &numbers
                    .map(u64::step)
                    .map(u64::step)
                    .map(u64::step)
                    .collect::<Vec<u64>>(),
            );
        }
    })
}

fn begins(items: u64) -> impl Iterator<Item = u64> {
    (0..items).step_by(usize::try_from(LENGTH).expect("it is small"))
}

/// Uses up a `Vec`, and looks at all of the first one and at the ends of the others.
fn seen(begin: u64, all: &[u64]) {
    let all = std::hint::black_box(all);
    assert_eq!(all.len() as u64, LENGTH);
    let step = if begin == 0 { 1 } else { all.len() - 1 };
    for (index, item) in all.iter().enumerate().step_by(step) {
        assert!(item.is(begin + index as u64, 3));
    }
}
