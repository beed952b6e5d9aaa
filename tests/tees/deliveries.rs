//! Promise 55: a delivery is acknowledged when both lines are done with it, and comes back if one is not.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Delivery, Memory, Outgoing};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

/// Messages from "0" on.
async fn messages(count: usize) -> Memory<String> {
    let queue = queue::memory::<String>();
    let message = |n: usize| Outgoing::new(n.to_string()).id(n.to_string());
    let unsent = queue.send((0..count).map(message).collect()).await.unwrap();
    assert!(unsent.is_empty());
    queue
}

#[tokio::test]
async fn what_becomes_of_a_delivery_is_the_worst_that_came_of_its_lines() {
    let queue = messages(100).await;
    let deliveries = queue.clone().deliveries();
    let stats = deliveries.stats();
    let (side, main) = (sink::collect(), sink::collect());
    let running = pipeline! {
        [deliveries, sink::each(|failure: Failure<Delivery<String>>| failure.nack(Duration::from_secs(3600)))]
        push_task(message),
        let n = message.parse::<usize>()?,
        tee *n {
            :async 3 map(async |n| if n == 50 { Err("fifty") } else { Ok(n) })?,
            :drive side.clone(),
        },
        filter(|m| m.n % 10 > 0),
        map(|m| if m.n == 11 { Err("eleven") } else { Ok(m.n) })?,
        :drive main.clone(),
    }
    .spawn();
    let decided = async {
        while stats.snapshot().acked + stats.snapshot().nacked < 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, decided).await.unwrap();
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!((side.take().len(), main.take().len()), (99, 89), "{report}");
    let stats = stats.snapshot();
    assert_eq!((stats.acked, stats.nacked, stats.in_flight), (98, 2, 0));
    assert_eq!(queue.len(), 2);
}

#[tokio::test]
async fn a_delivery_waits_for_the_line_that_is_slower() {
    for slow_side in [true, false] {
        let queue = messages(10).await;
        let deliveries = queue.clone().deliveries().until_idle();
        let deliveries = deliveries.wait(Duration::ZERO);
        let stats = deliveries.stats();
        let gate = Arc::new(Semaphore::new(0));
        let written = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let sink = |line: usize, slow: bool| {
            let (gate, written) = (Arc::clone(&gate), Arc::clone(&written[line]));
            sink::each_async(move |_: String| {
                let (gate, written) = (Arc::clone(&gate), Arc::clone(&written));
                async move {
                    if slow {
                        gate.acquire().await.unwrap().forget();
                    }
                    written.fetch_add(1, SeqCst);
                }
            })
        };
        let running = pipeline! {
            [deliveries]
            push_task(message),
            tee |m| m.message.to_string() { :drive sink(0, slow_side) },
            map(|m| m.message.to_string()),
            :drive sink(1, !slow_side),
        }
        .spawn();
        let fast = &written[usize::from(slow_side)];
        let all = async {
            while fast.load(SeqCst) < 10 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap();
        assert_eq!(
            (stats.snapshot().acked, stats.snapshot().in_flight),
            (0, 10)
        );
        gate.add_permits(10);
        tokio::time::timeout(PATIENCE, running)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (stats.snapshot().acked, stats.snapshot().in_flight),
            (10, 0)
        );
    }
}

#[tokio::test]
async fn a_delivery_of_which_one_line_fails_comes_again_to_both() {
    let queue = messages(30).await;
    let deliveries = queue.clone().deliveries();
    let deliveries = deliveries.until_idle().wait(Duration::ZERO);
    let stats = deliveries.stats();
    let (side, main) = (sink::collect(), sink::collect());
    let failed = Arc::<Mutex<HashSet<usize>>>::default();
    let report = pipeline! {
        [deliveries, queue::nacks(Duration::ZERO)]
        use failed;
        push_task(message),
        let n = message.parse::<usize>()?,
        tee *n {
            map(|n| if n % 3 == 0 && failed.lock().unwrap().insert(n) { Err("not yet") } else { Ok(n) })?,
            :drive side.clone(),
        },
        map(|m| m.n),
        :drive main.clone(),
    }
    .run()
    .await
    .unwrap();
    let (mut side, mut main) = (side.take(), main.take());
    side.sort_unstable();
    main.sort_unstable();
    assert_eq!(side, (0..30).collect::<Vec<_>>(), "{report}");
    let again = (0..30).flat_map(|n| if n % 3 == 0 { vec![n, n] } else { vec![n] });
    assert_eq!(main, again.collect::<Vec<_>>());
    let stats = stats.snapshot();
    assert_eq!((stats.acked, stats.nacked, stats.in_flight), (30, 10, 0));
    assert_eq!(queue.len(), 0);
}

#[tokio::test]
async fn a_stop_gives_back_at_once_what_waits_for_the_side_line() {
    let queue = messages(1000).await;
    let deliveries = queue.clone().deliveries().prefetch(1000);
    let stats = deliveries.stats();
    let held = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&held);
    let running = pipeline! {
        [deliveries]
        use waits;
        push_task(message),
        tee |m| m.message.to_string() {
            :async 1 map(async |text: String| { waits.acquire().await.unwrap().forget(); text }),
            :drive sink::discard(),
        },
        map(|m| m.message),
        :drive sink::discard(),
    }
    .spawn();
    // What has gone on in the main line waits for its part in the side line.
    let some = async {
        while running.report().stage("map#2").unwrap().done == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, some).await.unwrap();
    let report = running.abort().await;
    let stats = stats.snapshot();
    assert_eq!((stats.acked, stats.in_flight), (0, 0), "{report}");
    assert_eq!(queue.len(), 1000);
}
