//! An arm in which nothing goes on holds the others back only as far as it must. All of it is in virtual time: what is
//! looked at after a second is where everything waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::Running;
use brigade::prelude::*;
use brigade::queue::{self, Outgoing};
use tokio::sync::Semaphore;

type Count = Arc<AtomicUsize>;

fn counting<T>(count: &Count) -> impl Fn(&T) + Clone + Send + Sync + 'static {
    let count = Arc::clone(count);
    move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// So many zeros, and so many ones behind them: how many of both were taken, and how many of the others passed.
async fn taken_and_passed(
    run: fn(Box<dyn Iterator<Item = u64> + Send>, usize, Count) -> Running,
    buffer: usize,
    (stuck, others): (usize, usize),
) -> (usize, usize) {
    let (taken, passed) = (Count::default(), Count::default());
    let items = std::iter::repeat_n(0, stuck).chain(std::iter::repeat_n(1, others));
    let items = Box::new(items.inspect(counting(&taken)));
    let running = run(items, buffer, Arc::clone(&passed));
    tokio::time::sleep(Duration::from_secs(1)).await;
    running.abort().await;
    let count = |count: Count| count.load(Ordering::Relaxed);
    (count(taken), count(passed))
}

/// Promise 58. The stage in front takes more when half of its window is free, so it may stand a little sooner.
async fn holds_back_only_when_full(
    run: fn(Box<dyn Iterator<Item = u64> + Send>, usize, Count) -> Running,
) {
    let mut before = None;
    for buffer in [1, 2, 8, 64] {
        let (full, _) = taken_and_passed(run, buffer, (10_000, 0)).await;
        let least = buffer + 1;
        assert!(
            full >= least,
            "{full} where {least} may wait for the arm or in it"
        );
        let (_, passed) = taken_and_passed(run, buffer, (full / 2, 1_000)).await;
        assert_eq!(passed, 1_000, "buffer {buffer}: there is room in {full}");
        let (taken, passed) = taken_and_passed(run, buffer, (full, 1_000)).await;
        assert_eq!((taken, passed), (full, 0), "buffer {buffer}: there is none");
        // What may wait for it is what is written.
        if let Some((last, held)) = before.replace((buffer, full)) {
            assert_eq!(full - held, buffer - last);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_arm_that_ends_holds_the_others_back_only_when_all_is_full_that_may_wait_for_it() {
    holds_back_only_when_full(|items, buffer, passed| {
        let pipeline = pipeline! {
            [source::iter(items)]
            1 map(|n| n) with { window: 4, buffer: 4 },
            match |n| n {
                0 => {
                    :async 1 tap(async |_| std::future::pending::<()>().await) with { name: "stuck", buffer: buffer, window: 1 },
                    :drive sink::discard(),
                }
                _ => :drive sink::each(move |n| counting(&passed)(&n)) with { buffer: 4 },
            }
        };
        pipeline.spawn()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_arm_that_comes_back_in_any_order_holds_the_others_back_only_then() {
    holds_back_only_when_full(|items, buffer, passed| {
        let pipeline = pipeline! {
            [source::iter(items)]
            1 map(|n| n) with { window: 4, buffer: 4 },
            match |n| n {
                0 => {
                    :async 1 tap(async |_| std::future::pending::<()>().await) with { name: "stuck", buffer: buffer, window: 1 },
                }
                _ => { 1 map(|n| n) with { window: 4, buffer: 4 } }
            } with { unordered },
            :drive sink::each(move |n| counting(&passed)(&n)) with { buffer: 4 },
        };
        pipeline.spawn()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_order_the_others_go_on_until_what_may_wait_behind_them_is_full() {
    for buffer in [8, 64] {
        let (taken, passed) = taken_and_passed(
            |items, buffer, passed| {
                let pipeline = pipeline! {
                    [source::iter(items)]
                    1 map(|n| n) with { window: 4, buffer: 4 },
                    match |n| n {
                        0 => { :async 1 tap(async |_| std::future::pending::<()>().await) with { name: "stuck", buffer: 4 } }
                        _ => { 1 tap(move |n| counting(&passed)(n)) with { window: 4, buffer: 4 } }
                    },
                    :drive sink::each(|n: u64| assert_eq!(n, 0, "it came out of order")) with { buffer: buffer },
                };
                pipeline.spawn()
            },
            buffer,
            (1, 10_000),
        )
        .await;
        assert!(passed >= buffer, "{passed} of {taken}, buffer {buffer}");
        assert!(taken < 200, "{taken}: what is held is bounded");
    }
}

/// What ends there does not come back, so nobody behind the match around it waits for it.
#[tokio::test(start_paused = true)]
async fn what_ends_in_a_match_within_a_match_holds_up_nobody_while_its_sink_writes() {
    let gate = Arc::new(Semaphore::new(0));
    let writes = |written: &Count| {
        let (gate, written) = (Arc::clone(&gate), Arc::clone(written));
        sink::each_async(move |_: u64| {
            let (gate, written) = (Arc::clone(&gate), Arc::clone(&written));
            async move {
                gate.acquire().await.expect("it is open").forget();
                written.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let (even, odd) = (Count::default(), Count::default());
    let pipeline = pipeline! {
        [0..300_u64]
        match |n| n % 3 {
            0 => {
                match |n| n % 6 {
                    0 => :drive writes(&even),
                    _ => { :async 2 map(async |n| n) }
                },
            }
            1 => {
                match |n| n % 2 {
                    0 => { :async 2 map(async |n| n) }
                    _ => :drive writes(&odd),
                },
            }
            _ => { :async 2 map(async |n| n) }
        },
    };
    let mut items = pipeline.stream();
    let comes_back = |n: &u64| n % 6 > 1;
    // The gate is opened only when as much has come as may come before.
    for expected in (0..60).filter(comes_back) {
        let next = tokio::time::timeout(Duration::from_secs(9), items.next()).await;
        let next = next.expect("something that is being written holds it up");
        assert_eq!(next.unwrap().unwrap(), expected);
    }
    gate.add_permits(100);
    let mut rest = Vec::new();
    while let Some(item) = items.next().await {
        rest.push(item.unwrap());
    }
    assert_eq!(rest, (60..300).filter(comes_back).collect::<Vec<_>>());
    let count = |count: &Count| count.load(Ordering::Relaxed);
    assert_eq!((count(&even), count(&odd)), (50, 50));
}

/// The same of messages, which have tickets.
#[tokio::test(start_paused = true)]
async fn nor_does_what_is_left_of_a_message_there() {
    let gate = Arc::new(Semaphore::new(0));
    let (opens, written) = (Arc::clone(&gate), Count::default());
    let counts = Arc::clone(&written);
    let queue = queue::memory();
    queue
        .send((0..40_u64).map(Outgoing::new).collect())
        .await
        .unwrap();
    let pipeline = pipeline! {
        [queue.clone().deliveries().wait(Duration::ZERO).until_idle()]
        map(|message| *message),
        match |n| n % 2 {
            0 => {
                match |n| n % 4 {
                    0 => {
                        :async 1 tap(async move |_| opens.acquire().await.expect("it is open").forget()),
                        :drive sink::each(move |n| counting(&counts)(&n)),
                    }
                    _ => { :async 2 map(async |n| n) }
                },
            }
            _ => { :async 2 map(async |n| n) }
        },
    };
    let mut items = pipeline.stream();
    let comes_back = |n: &u64| !n.is_multiple_of(4);
    for expected in (0..24).filter(comes_back) {
        let next = tokio::time::timeout(Duration::from_secs(9), items.next()).await;
        let next = next.expect("something that is being written holds it up");
        assert_eq!(next.unwrap().unwrap(), expected);
    }
    gate.add_permits(10);
    let mut rest = Vec::new();
    while let Some(item) = items.next().await {
        rest.push(item.unwrap());
    }
    drop(items);
    assert_eq!(rest, (24..40).filter(comes_back).collect::<Vec<_>>());
    assert_eq!(written.load(Ordering::Relaxed), 10);
    assert!(queue.is_empty());
}
