//! Promise 26: memory does not grow with the length of the input.

use brigade::prelude::*;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The most bytes allocated at once while `len` items pass.
fn peak(runtime: &tokio::runtime::Runtime, len: u64) -> usize {
    ALLOCATED.reset_peak_usage();
    let run = pipeline! {
        [0..len]
        map(|x| x + 1),
        filter(|x| x % 3 != 0),
        1 map(|x| x.wrapping_mul(31)) with { window: 1024 },
        :drive sink::each(|_x| ()) with { buffer: 1024 }
    };
    runtime.block_on(run.run()).expect("nothing fails");
    ALLOCATED.peak_usage()
}

#[test]
fn the_peak_at_ten_million_items_is_within_5_percent_of_that_at_one_million() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // What is allocated once and for ever, before either is measured.
    peak(&runtime, 100_000);
    // The fullest moment of a run depends on how its threads happen to meet: that is not what is asked here. As many items
    // in all as the long run has, and that one twice.
    let short = (0..10).map(|_| peak(&runtime, 1_000_000)).max();
    let long = (0..2).map(|_| peak(&runtime, 10_000_000)).min();
    let (short, long) = short.zip(long).expect("runs");
    assert!(20 * long <= 21 * short, "{short} bytes, then {long} bytes");
}
