//! Items of 1 to 20 MB through sixteen workers under a budget of 256 MiB: brigade against a semaphore of bytes by hand.
//!
//! ```text
//! cargo run --release --bin giants                # 1,000 items, five times each, by turns
//! cargo run --release --bin giants -- --quick     # whether it runs
//! ```
//!
//! A worker makes a copy of its item, so that each weighs twice its length, waits a millisecond for each megabyte, as one does
//! who sends it somewhere, and reads each page again. Sixteen of the mean weight are more than the budget. Ratios are of one run.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use brigade::Budget;
use brigade::prelude::*;
use clap::Parser;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const BYTES: usize = 256 << 20;
const WORKERS: usize = 16;
const MEGABYTE: usize = 1 << 20;
const PAGE: usize = 4096;

#[derive(Debug, Parser)]
struct Args {
    /// How many items
    #[arg(long, default_value = "1000")]
    items: usize,
    /// How often
    #[arg(long, default_value = "5")]
    times: usize,
    /// A few items, once
    #[arg(long)]
    quick: bool,
}

/// The same of every run.
fn size(number: usize) -> usize {
    let mixed = number.wrapping_mul(0x9e37_79b9) >> 7;
    MEGABYTE * (1 + mixed % 20)
}

fn item(number: usize) -> Vec<u8> {
    vec![0; size(number)]
}

/// What an item and its copy take.
fn weight(item: &[u8]) -> usize {
    2 * item.len()
}

fn sent(item: &[u8]) -> usize {
    let mut copy = item.to_vec();
    for page in copy.chunks_mut(PAGE) {
        page[0] = 1;
    }
    thread::sleep(Duration::from_millis((item.len() / MEGABYTE) as u64));
    let pages = item.chunks(PAGE).zip(copy.chunks(PAGE));
    pages
        .map(|(one, other)| usize::from(one[0] + other[0]))
        .sum()
}

/// How long it took, and in which part of that time how much of the budget was in use.
struct Taken {
    time: Duration,
    used: Vec<f64>,
}

fn brigade(runtime: &Runtime, items: usize) -> Taken {
    let budget = Budget::new(BYTES as u64);
    let input = source::weighed(
        source::iter((0..items).map(item)),
        &budget,
        |item: &Vec<u8>| weight(item),
    );
    let started = Instant::now();
    let used = runtime.block_on(async {
        let running = pipeline! {
            [input]
            :block 16 map(|item: Vec<u8>| sent(&item)) with { unordered },
            :drive sink::discard()
        }
        .spawn();
        let (seen, watched) = (Arc::new(Mutex::new(Vec::new())), budget.clone());
        let note = Arc::clone(&seen);
        let watch = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let usage = watched.usage();
                let part = usage.held as f64 / usage.bytes as f64;
                note.lock().expect("no panic").push(part);
            }
        });
        let report = running.await.expect("nothing fails");
        assert_eq!(report.rows[0].done, items as u64);
        watch.abort();
        std::mem::take(&mut *seen.lock().expect("no panic"))
    });
    Taken {
        time: started.elapsed(),
        used,
    }
}

fn by_hand(runtime: &Runtime, items: usize) -> Taken {
    let started = Instant::now();
    runtime.block_on(async {
        // In kilobytes: a semaphore has room for so many permits at once.
        let bytes = Arc::new(Semaphore::new(BYTES / 1024));
        let workers = Arc::new(Semaphore::new(WORKERS));
        let mut tasks = JoinSet::new();
        for number in 0..items {
            let item = item(number);
            let weight = u32::try_from(weight(&item) / 1024).expect("it fits");
            let held = Arc::clone(&bytes).acquire_many_owned(weight).await;
            let worker = Arc::clone(&workers).acquire_owned().await;
            tasks.spawn_blocking(move || {
                let _kept = (held, worker);
                sent(&item)
            });
        }
        let mut done = 0;
        while let Some(ended) = tasks.join_next().await {
            ended.expect("nothing fails");
            done += 1;
        }
        assert_eq!(done, items);
    });
    Taken {
        time: started.elapsed(),
        used: Vec::new(),
    }
}

fn main() {
    let mut args = Args::parse();
    if args.quick {
        (args.items, args.times) = (40, 1);
    }
    let runtime = Runtime::new().expect("a runtime");
    let (mut ratios, mut steady) = (Vec::new(), Vec::new());
    for _ in 0..args.times {
        let own = brigade(&runtime, args.items);
        let other = by_hand(&runtime, args.items);
        let ratio = other.time.as_secs_f64() / own.time.as_secs_f64();
        let full = own.used.iter().filter(|used| **used >= 0.8).count();
        let part = full as f64 / own.used.len().max(1) as f64;
        println!(
            "brigade {:.2?}, by hand {:.2?}: {ratio:.2} ×; at least 0.8 of the budget in use for {:.0} % of the time",
            own.time,
            other.time,
            100.0 * part
        );
        ratios.push(ratio);
        steady.push(part);
    }
    ratios.sort_by(f64::total_cmp);
    steady.sort_by(f64::total_cmp);
    println!(
        "median of {}: {:.2} × as fast as by hand, 0.8 of the budget in use for {:.0} % of the time",
        args.times,
        ratios[ratios.len() / 2],
        100.0 * steady[steady.len() / 2]
    );
}
