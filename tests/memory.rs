//! Promise 26: memory does not grow with the length of the input.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use futures::StreamExt as _;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Bytes allocated while `len` items pass: at every thousandth on average, and the most at once.
fn allocated(runtime: &tokio::runtime::Runtime, len: u64) -> (usize, usize) {
    let samples = Arc::new(Mutex::new((0, 0)));
    let sampled = Arc::clone(&samples);
    ALLOCATED.reset_peak_usage();
    let run = pipeline! {
        [0..len]
        map(|x| x + 1),
        filter(|x| x % 3 != 0),
        1 map(|x| x.wrapping_mul(31)) with { window: 1024 },
        :drive sink::each(move |x| if x % 1000 == 0 {
            let (sum, count) = &mut *sampled.lock().unwrap();
            *sum += ALLOCATED.current_usage();
            *count += 1;
        }) with { buffer: 1024 }
    };
    runtime.block_on(run.run()).expect("nothing fails");
    let (sum, count) = *samples.lock().unwrap();
    (sum / count, ALLOCATED.peak_usage())
}

/// The most bytes allocated at once where each item has a deadline, while nobody waits for the end of the run.
fn peak_with_deadlines(runtime: &tokio::runtime::Runtime, len: u64) -> usize {
    ALLOCATED.reset_peak_usage();
    let run = pipeline! {
        [0..len]
        :block 1 map(|x| x + 1) with { timeout: Duration::from_secs(60), buffer: 16 },
    };
    let sum = async {
        let mut results = pin!(run.stream());
        while let Some(item) = results.next().await {
            item.expect("nothing fails");
        }
    };
    runtime.block_on(sum);
    ALLOCATED.peak_usage()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Both in one test: the allocator counts for the whole process.
#[test]
fn the_peak_does_not_grow_with_the_input() {
    ten_million_items_are_within_5_percent_of_one_million();
    let runtime = runtime();
    // A timer for each of them that is only forgotten at the end would take over 20 MB.
    let peak = peak_with_deadlines(&runtime, 100_000);
    assert!(peak < 4_000_000, "with deadlines: {peak} bytes");
}

fn ten_million_items_are_within_5_percent_of_one_million() {
    let runtime = runtime();
    // What is allocated once and for ever, before either is measured.
    allocated(&runtime, 100_000);
    let short = (0..3).map(|_| allocated(&runtime, 1_000_000).0).max();
    let short = short.expect("runs");
    // What grows with the input grows each time; how the threads meet differs from run to run.
    let runs = (0..3).map(|_| allocated(&runtime, 10_000_000));
    let (long, peak) = runs.min().expect("runs");
    assert!(20 * long <= 21 * short, "{short} bytes, then {long} bytes");
    // How far the fullest moment is from the others depends on how the threads happen to meet.
    assert!(peak < 2 * long, "{long} bytes, and once {peak} bytes");
}
