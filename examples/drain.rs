//! Stopping: a drain that finishes what was taken, and one whose deadline passes.
//!
//! ```text
//! cargo run --example drain
//! ```
//!
//! Prints:
//!
//! ```text
//! wrote 112 of them
//! everything that was read is written: true
//! stage    in  done  filtered  failed  emitted  retries  busy  starved  blocked
//! source  112   112         0       0      112        0   0 %      0 %    100 %
//! fetch   112   112         0       0      112        0  99 %      0 %      0 %
//! batch   112   112         0       0        1        0   1 %     99 %      0 %
//! sink      1     1         0       0        0        0   1 %     99 %      0 %
//! 32.783ms, bottleneck: fetch; in = done + filtered + failed in every row
//!
//! wrote 0
//! source: stopped: not drained within 100ms: `fetch` kept 2 items
//! ```
//!
//! How many items it gets to differs from run to run; that all of them are written does not.

use std::time::Duration;

use brigade::prelude::*;

/// Waits until the first stage has had `count` items.
async fn reached(running: &brigade::Running, count: u64) {
    while running.report().rows[1].entered < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// An endless source: the sources stop first, every stage finishes in order, the open batch is written.
async fn in_order() -> Result<(), Failure> {
    let running = pipeline! {
        [source::iter(0..)]
        :async 8 map(|n: u64| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            n
        }) with { name: "fetch", window: 16 },
        batch(1000),
        :drive sink::each(|batch| println!("wrote {} of them", batch.len())),
    }
    .spawn();
    reached(&running, 100).await;
    let report = running.drain(Duration::from_secs(5)).await?;
    let (read, batched) = (&report.rows[0], report.stage("batch"));
    println!(
        "everything that was read is written: {}",
        batched.is_ok_and(|row| row.done == read.done)
    );
    println!("{report}");
    Ok(())
}

/// A call that never returns: the deadline passes, and the stage is named.
async fn stuck() {
    let running = pipeline! {
        [0..3u64]
        :async 2 map(|n| async move {
            if n > 0 {
                std::future::pending::<()>().await;
            }
            n
        }) with { name: "fetch" },
        :drive sink::each(|n| println!("wrote {n}")),
    }
    .spawn();
    reached(&running, 3).await;
    match running.drain(Duration::from_millis(100)).await {
        Ok(report) => println!("{report}"),
        Err(failure) => println!("{failure}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    in_order().await?;
    stuck().await;
    Ok(())
}
