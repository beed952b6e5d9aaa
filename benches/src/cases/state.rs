//! Stages that keep something, beside a `HashMap` that is written by hand.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use brigade::prelude::*;

use crate::case::{Case, Contender, Sample, Size, Table};
use crate::rt::Consumer;

const LOOP: &str = "plain loop";

/// Batches and values by key, copies dropped, running sums.
pub fn case(size: Size) -> Case {
    let note = "Numbers that are spread over so many keys go through one stage, and what comes out is counted. The plain \
                loop keeps a `HashMap` or a `HashSet` with SipHash, as std's are, and has no bound, no age, no tickets \
                and no counts. The stage by hand is the same map in a `Mutex`, in a task of its own: what one writes \
                where there is no form for it.";
    let items = size.items(5_000_000);
    let keys = size.pick(10_000, 100);
    let batches = Table::new("batches of 100 by key")
        .baseline(LOOP)
        .contender(contender(
            "brigade, `batch … by`",
            "`batch(100) with { by: |x| x % keys, groups: keys }`",
            items,
            keys,
            batched,
        ))
        .contender(contender(
            "by hand",
            "`1 filter_map` with a `Mutex<HashMap<u64, Vec<u64>>>`",
            items,
            keys,
            batched_by_hand,
        ))
        .contender(contender(
            LOOP,
            "`HashMap<u64, Vec<u64>>`",
            items,
            keys,
            batched_in_a_loop,
        ));
    let sums = Table::new("a sum for each key")
        .baseline(LOOP)
        .contender(contender(
            "brigade, `fold … by`",
            "`fold(0, |sum, x| *sum += x) with { by: |x| x % keys, groups: keys }`",
            items,
            keys,
            folded,
        ))
        .contender(contender(
            LOOP,
            "`HashMap<u64, u64>`",
            items,
            keys,
            folded_in_a_loop,
        ));
    let firsts = Table::new("copies dropped, one in two")
        .baseline(LOOP)
        .contender(contender(
            "brigade, `dedup`",
            "`dedup(|x| x / 2) with { most: items }`",
            items,
            keys,
            first,
        ))
        .contender(contender(
            "by hand",
            "`1 filter` with a `Mutex<HashSet<u64>>`",
            items,
            keys,
            first_by_hand,
        ))
        .contender(contender(
            LOOP,
            "`HashSet<u64>`",
            items,
            keys,
            first_in_a_loop,
        ));
    let running = Table::new("a running sum")
        .baseline(LOOP)
        .contender(contender(
            "brigade, `stateful`",
            "`stateful(0, |sum, x| { *sum += x; [*sum] }, |_| None)`",
            items,
            keys,
            summed,
        ))
        .contender(contender(
            "by hand",
            "`1 map` with a `Mutex<u64>`",
            items,
            keys,
            summed_by_hand,
        ))
        .contender(contender(LOOP, "a variable", items, keys, summed_in_a_loop));
    Case::new("state", "Stages that keep something", note)
        .table(batches)
        .table(sums)
        .table(firsts)
        .table(running)
}

fn contender(
    name: &str,
    what: &'static str,
    items: u64,
    keys: u64,
    run: fn(u64, u64) -> Sample,
) -> Contender {
    Contender::new(name, what, move || run(items, keys))
}

/// Runs a pipeline whose outputs are numbers, and checks how many there are.
macro_rules! counted {
    ($items:ident, $expected:expr, $pipeline:expr) => {{
        let (items, expected) = ($items, $expected);
        Consumer::Spawned.measure(items, async move {
            let mut outputs = $pipeline.stream();
            let mut count = 0;
            while let Some(output) = outputs.next().await {
                std::hint::black_box(output.expect("nothing fails"));
                count += 1;
            }
            assert_eq!(count, expected);
        })
    }};
}

fn batched(items: u64, keys: u64) -> Sample {
    let groups = usize::try_from(keys).expect("few keys");
    counted!(
        items,
        batches(items, keys),
        pipeline! {
            [0..items]
            batch(100) with { by: |x| x % keys, groups: groups },
        }
    )
}

/// How many batches there are, with those that are not full.
fn batches(items: u64, keys: u64) -> u64 {
    (0..keys)
        .map(|key| ((items + keys - 1 - key) / keys).div_ceil(100))
        .sum()
}

fn batched_by_hand(items: u64, keys: u64) -> Sample {
    let open = Mutex::new(HashMap::<u64, Vec<u64>>::new());
    let full = (0..keys)
        .map(|key| (items + keys - 1 - key) / keys / 100)
        .sum::<u64>();
    counted!(
        items,
        full,
        pipeline! {
            [0..items]
            1 filter_map(|x| {
                let mut open = open.lock().expect("no panics");
                let batch = open.entry(x % keys).or_default();
                batch.push(x);
                (batch.len() == 100).then(|| std::mem::take(batch))
            }),
        }
    )
}

fn batched_in_a_loop(items: u64, keys: u64) -> Sample {
    Sample::of(items, || {
        let mut open = HashMap::<u64, Vec<u64>>::new();
        for x in 0..items {
            let batch = open.entry(x % keys).or_default();
            batch.push(x);
            if batch.len() == 100 {
                std::hint::black_box(std::mem::take(batch));
            }
        }
        std::hint::black_box(open);
    })
}

fn folded(items: u64, keys: u64) -> Sample {
    let groups = usize::try_from(keys).expect("few keys");
    counted!(
        items,
        keys,
        pipeline! {
            [0..items]
            fold(0, |sum, x| *sum += x) with { by: |x| x % keys, groups: groups },
        }
    )
}

fn folded_in_a_loop(items: u64, keys: u64) -> Sample {
    Sample::of(items, || {
        let mut sums = HashMap::<u64, u64>::new();
        for x in 0..items {
            *sums.entry(x % keys).or_default() += x;
        }
        assert_eq!(sums.len() as u64, keys);
    })
}

fn first(items: u64, _keys: u64) -> Sample {
    let most = usize::try_from(items).expect("fits into memory");
    counted!(
        items,
        items.div_ceil(2),
        pipeline! {
            [0..items]
            dedup(|x| x / 2) with { most: most },
        }
    )
}

fn first_by_hand(items: u64, _keys: u64) -> Sample {
    let seen = Mutex::new(HashSet::new());
    counted!(
        items,
        items.div_ceil(2),
        pipeline! {
            [0..items]
            1 filter(|x| seen.lock().expect("no panics").insert(x / 2)),
        }
    )
}

fn first_in_a_loop(items: u64, _keys: u64) -> Sample {
    Sample::of(items, || {
        let mut seen = HashSet::new();
        let count = (0..items).filter(|x| seen.insert(x / 2)).count() as u64;
        assert_eq!(count, items.div_ceil(2));
    })
}

fn summed(items: u64, _keys: u64) -> Sample {
    counted!(
        items,
        items,
        pipeline! {
            [0..items]
            stateful(0, |sum, x| { *sum += x; [*sum] }, |_| None),
        }
    )
}

fn summed_by_hand(items: u64, _keys: u64) -> Sample {
    let sum = Mutex::new(0);
    counted!(
        items,
        items,
        pipeline! {
            [0..items]
            1 map(|x| {
                let mut sum = sum.lock().expect("no panics");
                *sum += x;
                *sum
            }),
        }
    )
}

fn summed_in_a_loop(items: u64, _keys: u64) -> Sample {
    Sample::of(items, || {
        let mut sum = 0_u64;
        for x in 0..items {
            sum += x;
            std::hint::black_box(sum);
        }
    })
}
