//! Many at a time, but of each key one, in order.

use std::sync::Arc;
use std::time::Duration;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};

mod brigade;
mod peers;
mod work;

use work::{COUNT, Job, Keys, WORKERS, Waits};

const BY: &str = "brigade, `by`, `unordered`";
const BY_HAND: &str = "a channel a worker";

const KEYS: [Keys; 3] = [Keys::Even(10), Keys::Even(10_000), Keys::Zipf(10_000)];

/// Futures, threads and tasks.
pub fn case(size: Size) -> Case {
    let note = "Of the items of one key one is worked on at a time, first in, first out. By hand that is a channel for each \
                worker, and the hash of the key says which: the keys of a worker wait for each other, and one channel that is \
                full stops all. Everybody may hold 4,096 items. 64 futures at a time, or two threads or tasks.";
    let mut case = Case::new("by", "Order by key", note);
    for keys in KEYS {
        let least = if matches!(keys, Keys::Even(10_000)) {
            1.5
        } else {
            0.9
        };
        case = case.table(
            futures(keys, Waits::Yield, 500_000, size).goal(Goal::faster(BY, BY_HAND, least)),
        );
    }
    for keys in [Keys::Even(10_000), Keys::Zipf(10_000)] {
        case = case
            .table(futures(keys, Waits::Sleep, 10_000, size).goal(Goal::faster(BY, BY_HAND, 0.9)));
    }
    for (micros, items) in [(0.17, 500_000), (5.0, 50_000)] {
        for keys in KEYS {
            let job = Job::of(Duration::from_secs_f64(micros * 1e-6));
            let table = threads(keys, job, micros, items, size);
            case = case.table(table.goal(Goal::faster(BY, BY_HAND, 0.9)));
            let table = tasks(keys, job, micros, items, size);
            case = case.table(if micros < 5.0 {
                table
            } else {
                table.goal(Goal::faster(BY, BY_HAND, 0.9))
            });
        }
    }
    case
}

fn contender<W: Copy + 'static>(
    name: &'static str,
    what: &'static str,
    keys: Keys,
    (items, work): (u64, W),
    run: fn(Arc<[u64]>, u64, W) -> Sample,
) -> Contender {
    let keys = keys.table();
    Contender::new(name, what, move || run(Arc::clone(&keys), items, work))
}

fn futures(keys: Keys, waits: Waits, items: u64, size: Size) -> Table {
    let work = (size.items(items), waits);
    let what = match waits {
        Waits::Yield => "one yield",
        Waits::Sleep => "1 ms of sleep",
    };
    Table::new(format!("`:async {COUNT}`, {what}, {}", keys.title()))
        .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
        .baseline(BY_HAND)
        .contender(contender(
            BY,
            "`:async 64 map(…) with { by: |item| item.key, unordered }`",
            keys,
            work,
            brigade::futures,
        ))
        .contender(contender(
            "brigade, `by`",
            "the same with output in input order",
            keys,
            work,
            brigade::futures_in_order,
        ))
        .contender(contender(
            "brigade, no keys",
            "`:async 64 map(…) with { unordered }`, which keeps no order",
            keys,
            work,
            brigade::futures_without_keys,
        ))
        .contender(
            contender(
                BY_HAND,
                "64 tasks with a `tokio::sync::mpsc` each, by `hash % 64`",
                keys,
                work,
                peers::tasks_that_wait,
            )
            .crates(&["tokio"]),
        )
}

fn threads(keys: Keys, job: Job, micros: f64, items: u64, size: Size) -> Table {
    let work = (size.items(items), job);
    Table::new(format!("`:block {WORKERS}`, {micros} µs, {}", keys.title()))
        .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
        .baseline(BY_HAND)
        .contender(contender(
            BY,
            "`:block 2 map(…) with { by: |item| item.key, unordered }`",
            keys,
            work,
            brigade::threads,
        ))
        .contender(contender(
            BY_HAND,
            "two threads with a `std::sync::mpsc::sync_channel` each, by `hash % 2`",
            keys,
            work,
            peers::threads_that_work,
        ))
}

fn tasks(keys: Keys, job: Job, micros: f64, items: u64, size: Size) -> Table {
    let work = (size.items(items), job);
    Table::new(format!("`{WORKERS} map`, {micros} µs, {}", keys.title()))
        .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
        .baseline(BY_HAND)
        .contender(contender(
            BY,
            "`2 map(…) with { by: |item| item.key, unordered }`",
            keys,
            work,
            brigade::tasks,
        ))
        .contender(
            contender(
                BY_HAND,
                "two tasks with a `tokio::sync::mpsc` each, by `hash % 2`",
                keys,
                work,
                peers::tasks_that_work,
            )
            .crates(&["tokio"]),
        )
}
