//! Counts, blocking threads, futures, sinks.
#![deny(warnings)]

use std::sync::{Arc, Mutex};

use brigade::prelude::*;

fn add(by: u64) -> impl Fn(u64) -> u64 {
    move |x| x + by
}

async fn double(x: u64) -> u64 {
    tokio::task::yield_now().await;
    x * 2
}

#[tokio::main]
async fn main() {
    let (n, offset) = (2, 5);
    let rows = Arc::new(Mutex::new(Vec::new()));
    let into = rows.clone();
    let report = pipeline! {
        [0..100u64]
        4 map(add(1)),
        :block (n) map(move |x| x + offset) with { window: 16, buffer: 8, name: "shift" },
        :block 2 map(|x| x - 1) with { pool },
        :async (n + 1) double with { buffer: 4 },
        :async map(async |x| x + 1),
        batch(7),
        map(|batch| batch.len()),
        :drive 2 sink::each(move |len| into.lock().unwrap().push(len)) with { name: "lengths" },
    }
    .run()
    .await
    .unwrap();
    assert!(report.conserved(), "{report}");
    assert!(report.stage("shift").is_ok() && report.stage("double").is_ok());
    let mut lengths = rows.lock().unwrap().clone();
    lengths.sort_unstable();
    assert_eq!(lengths.iter().sum::<usize>(), 100);
    assert_eq!((lengths[0], lengths[14]), (2, 7));
}
