//! Whatever is done to the processes of a service, nothing that came from a queue is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brigade::link::{Link, link};
use brigade::prelude::*;
use brigade::service::{Control, Restart, Service};

use crate::support::{Heard, ms, s};

const ORDERS: u64 = 300;
const PROCESSES: [&str; 3] = ["first", "second", "third"];

struct Row {
    orders: queue::Memory<u64>,
    links: [Link<u64>; 2],
    done: Heard<u64>,
    /// Whether items fail now and then.
    fails: Arc<AtomicBool>,
}

/// Now and then, as the orders come.
fn falls(fails: &AtomicBool, one_in: u64) -> Result<(), &'static str> {
    let falls = fails.load(Ordering::Relaxed) && fastrand::u64(..one_in) == 0;
    if falls { Err("fell") } else { Ok(()) }
}

fn service(row: Row) -> Service<Row> {
    let restart = || Restart::on_failure().max_delay(s(2)).unlimited();
    Service::new("row", row)
        .process("third", move |p| {
            p.restart(restart()).pipeline(|cx| {
                let (fails, done) = (Arc::clone(&cx.fails), cx.done.clone());
                pipeline! {
                    [cx.links[1].input()]
                    use fails;
                    :async 3 tap(async |_: &u64| tokio::time::sleep(ms(fastrand::u64(..20))).await),
                    tap(|_| falls(&fails, 40))?,
                    :drive sink::each(move |order| done.add(order)),
                }
            })
        })
        .process("second", move |p| {
            p.restart(restart()).pipeline(|cx| {
                let fails = Arc::clone(&cx.fails);
                // Its factory falls, too.
                falls(&fails, 4).map(|()| {
                    pipeline! {
                        [cx.links[0].input()]
                        use fails;
                        :async 2 map(async |order: u64| { tokio::time::sleep(ms(10)).await; order }),
                        batch(4, ms(50)),
                        flat_map(|orders| orders),
                        tap(|_| falls(&fails, 40))?,
                        :drive cx.links[1].sink(),
                    }
                })
            }).wait_at_start()
        })
        .process("first", move |p| {
            p.restart(restart()).pipeline(|cx| {
                let fails = Arc::clone(&cx.fails);
                pipeline! {
                    [cx.orders.clone().deliveries().prefetch(20)]
                    use fails;
                    map(|order| *order),
                    tap(|_| falls(&fails, 100))?,
                    :drive cx.links[0].sink() with { buffer: 8 },
                }
            })
        })
}

/// Some command to some process. Some are refused, as the process is in no state for them.
async fn meddle(control: &Control) {
    let process = fastrand::choice(PROCESSES).unwrap();
    let _ = match fastrand::u8(..6) {
        0 => control.fail(process, "meddled with").await,
        1 => control.restart(process, "meddled with").await,
        2 => control.pause(process).await,
        3 => control.resume(process).await,
        4 => control.drain(process, s(2)).await,
        _ => control.start(process).await,
    };
}

async fn survives(seed: u64) {
    fastrand::seed(seed);
    let (orders, done) = (queue::memory(), Heard::default());
    for order in 0..ORDERS {
        orders.put(order).await;
    }
    let fails = Arc::new(AtomicBool::new(true));
    let row = Row {
        orders: orders.clone(),
        links: [link(4).named("one"), link(4).named("two")],
        done: done.clone(),
        fails: Arc::clone(&fails),
    };
    let running = service(row).start().await.unwrap();
    let control = running.control();
    for _ in 0..60 {
        tokio::time::sleep(ms(fastrand::u64(..300))).await;
        tokio::time::timeout(s(30), meddle(&control))
            .await
            .expect("a command is answered");
    }
    if seed.is_multiple_of(2) {
        // Stopped in the midst of it: what is not done is where it was.
        fails.store(false, Ordering::Relaxed);
        let stopped = running.stop().await;
        let done: BTreeSet<_> = done.all().into_iter().collect();
        let left = orders.len();
        assert!(
            done.len() + left >= usize::try_from(ORDERS).unwrap(),
            "{seed}: {} done, {left} left, {stopped:?}",
            done.len()
        );
        return;
    }
    fails.store(false, Ordering::Relaxed);
    for process in PROCESSES {
        let _ = control.resume(process).await;
        let _ = control.start(process).await;
    }
    let begun = tokio::time::Instant::now();
    while !orders.is_empty() {
        assert!(
            begun.elapsed() < s(3600),
            "{seed}: {} left\n{}",
            orders.len(),
            running.status()
        );
        tokio::time::sleep(ms(100)).await;
    }
    running.stop().await.unwrap();
    let done: BTreeSet<_> = done.all().into_iter().collect();
    assert_eq!(done, (0..ORDERS).collect(), "{seed}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whatever_is_done_to_the_processes() {
    let seeds = std::env::var("BRIGADE_CHAOS_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(30) {
        survives(seed).await;
    }
}
