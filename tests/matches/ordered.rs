//! What comes back comes back in the order in which it went into the arms.

use std::time::Duration;

use brigade::prelude::*;

/// A while that differs from item to item.
async fn a_while(n: u64) {
    tokio::time::sleep(Duration::from_micros(n * 7919 % 500)).await;
}

#[tokio::test]
async fn the_output_is_in_input_order_whatever_the_arms_do() {
    let (failures, mut failed) = tokio::sync::mpsc::channel(10_000);
    let pipeline = pipeline! {
        [source::iter(0..3000u64), failures]
        match |n| n % 6 {
            0 => { :async 7 map(async |n| { a_while(n).await; n }), filter(|n| n % 4 == 0) }
            1 => { :block 2 map(|n| if n % 5 == 0 { Err("five") } else { Ok(n) })? with { window: 3 } }
            2 => { 3 map(|n| n), :async 2 map(async |n: u64| { a_while(n).await; (!n.is_multiple_of(11)).then_some(n).ok_or("eleven") })? with { buffer: 1 } }
            3 => filter_map(|n| (n % 9 != 0).then_some(n)),
            4 => skip,
            _ => {}
        },
        :async 4 map(async |n| { a_while(n + 3).await; n }) with { buffer: 2 },
    };
    let running = pipeline.collect::<Vec<u64>>();
    let handle = running.handle();
    let all = tokio::time::timeout(Duration::from_secs(30), running).await;
    let report = handle.report();
    let all = all
        .unwrap_or_else(|_| panic!("it hangs:\n{report}"))
        .unwrap();
    let expected = (0..3000u64).filter(|n| match n % 6 {
        0 => n % 4 == 0,
        1 => n % 5 != 0,
        2 => n % 11 != 0,
        3 => n % 9 != 0,
        4 => false,
        _ => true,
    });
    assert_eq!(all, expected.collect::<Vec<_>>());
    assert!(report.conserved(), "{report}");
    let mut failures = 0;
    while failed.try_recv().is_ok() {
        failures += 1;
    }
    let lost = (0..3000u64).filter(|n| n % 6 == 1 && n % 5 == 0 || n % 6 == 2 && n % 11 == 0);
    assert_eq!(failures, lost.count());
}

#[tokio::test]
async fn retries_and_time_outs_in_an_arm_hold_their_place_or_lose_it() {
    let tries = std::sync::atomic::AtomicU64::new(0);
    let (failures, _failed) = tokio::sync::mpsc::channel(10_000);
    let retry = Retry::fixed(2, Duration::from_millis(1));
    let pipeline = pipeline! {
        [source::iter(0..120u64), failures]
        match |n| n % 3 {
            0 => {
                :async 4 map(async |n| {
                    let tried = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if tried.is_multiple_of(3) { Err("again") } else { Ok(n) }
                })? with { retry: retry.clone() }
            }
            1 => {
                :block 2 map(|n| { if n % 2 == 0 { std::thread::sleep(Duration::from_millis(30)); } n })
                    with { timeout: Duration::from_millis(10) }
            }
            _ => { 2 map(|n| n) }
        }
    };
    let running = pipeline.collect::<Vec<u64>>();
    let handle = running.handle();
    let all = tokio::time::timeout(Duration::from_secs(30), running).await;
    let report = handle.report();
    let all = all
        .unwrap_or_else(|_| panic!("it hangs:\n{report}"))
        .unwrap();
    assert!(all.is_sorted(), "{all:?}");
    assert!(report.conserved(), "{report}");
    assert_eq!(all.iter().filter(|n| *n % 3 == 2).count(), 40);
}

#[tokio::test]
async fn a_match_in_an_arm_keeps_the_order_too() {
    let pipeline = pipeline! {
        [source::iter(0..1000u64)]
        push_task(n),
        let kind = n % 4,
        match kind {
            0 => {
                match *n % 3 {
                    0 => { :async 3 let row = { a_while(*n).await; 1 } }
                    1 => { :block let row = 2, let spare = 1u8 }
                    _ => { let row = 3 }
                }
            }
            1 => { :async 2 let row = { a_while(*n).await; 4 }, filter(|m| m.n % 5 != 0) }
            k => { let row = *k },
        },
        map(|m| (m.n, m.row)),
    };
    let running = pipeline.collect::<Vec<(u64, u64)>>();
    let handle = running.handle();
    let all = tokio::time::timeout(Duration::from_secs(30), running).await;
    let report = handle.report();
    let all = all
        .unwrap_or_else(|_| panic!("it hangs:\n{report}"))
        .unwrap();
    let expected = (0..1000u64).filter(|n| n % 4 != 1 || n % 5 != 0);
    let row = |n: u64| match n % 4 {
        0 => n % 3 + 1,
        1 => 4,
        k => k,
    };
    let expected: Vec<_> = expected.map(|n| (n, row(n))).collect();
    assert_eq!(all, expected);
    assert!(report.conserved(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_a_match_within_a_match_holds_nobody_up_though_it_is_read_of_at_the_end() {
    let (failures, mut failed) = tokio::sync::mpsc::channel(1000);
    let pipeline = pipeline! {
        [0..100_u64, failures]
        match |n| n % 2 {
            0 => {
                match |n| n % 4 {
                    0 => { :async 2 map(async |n: u64| n.is_multiple_of(8).then_some(n).ok_or("four"))? },
                    _ => { :async 2 map(async |n| n) },
                },
            },
            _ => { :async 2 map(async |n| n) },
        },
    };
    let all = tokio::time::timeout(Duration::from_secs(30), pipeline.collect::<Vec<u64>>());
    let all = all.await.expect("it hangs").unwrap();
    assert_eq!(all, (0..100).filter(|n| n % 8 != 4).collect::<Vec<_>>());
    let mut count = 0;
    while failed.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 12);
}

/// Threads behind a match wait for what is to be tried again when nothing more comes, and not by asking for more: that would
/// hold the paused clock.
macro_rules! waits_for_retries_at_the_end {
    ($($name:ident $({ $with:tt })?;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let tried = std::sync::Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
            let pipeline = pipeline! {
                [0..12_u64]
                use tried;
                match |n| n % 2 {
                    0 => { :async 2 map(async |n: u64| n) },
                    _ => { :async 2 map(async |n: u64| n) },
                } $(with { $with })?,
                :block 2 map(|n| if tried.lock().unwrap().insert(n) { Err("later") } else { Ok(n) })?
                    with { retry: Retry::fixed(2, Duration::from_secs(1)) },
            };
            let all = tokio::time::timeout(Duration::from_secs(30), pipeline.collect::<Vec<u64>>());
            let mut all = all.await.expect("it hangs").unwrap();
            all.sort_unstable();
            assert_eq!(all, (0..12).collect::<Vec<_>>());
        }
    )*};
}

waits_for_retries_at_the_end! {
    what_is_tried_again_at_the_end_behind_a_match_in_order_is_waited_for;
    what_is_tried_again_at_the_end_behind_an_unordered_match_is_waited_for { unordered };
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_where_it_does_not_come_back_holds_up_no_match_around_it() {
    let (batches, sums) = (sink::collect(), sink::collect());
    let (keeping, folding) = (batches.clone(), sums.clone());
    let pipeline = pipeline! {
        [0..60_000_u64]
        match |n| n % 2 {
            0 => {
                // Of the first nothing comes back, and more is collected than the stages in front may hold.
                match |n| (n % 4, *n < 59_000) {
                    (0, true) => { batch(9000), :drive keeping },
                    (2, true) => { fold(0, |sum: &mut u64, n| *sum += n) with { most: 20_000 }, :drive folding },
                    _ => { :async 2 map(async |n| n) },
                },
            },
            _ => { :async 2 map(async |n| n) with { window: 3, buffer: 1 } },
        },
    };
    let all = tokio::time::timeout(Duration::from_secs(30), pipeline.collect::<Vec<u64>>());
    let all = all.await.expect("it hangs").unwrap();
    let back = |n: &u64| n % 2 == 1 || *n >= 59_000;
    assert_eq!(all, (0..60_000).filter(back).collect::<Vec<_>>());
    let sizes: Vec<_> = batches.take().iter().map(Vec::len).collect();
    assert_eq!(sizes, [9000, 5750]);
    assert_eq!(
        sums.take(),
        [(0..59_000).filter(|n| n % 4 == 2).sum::<u64>()]
    );
}
