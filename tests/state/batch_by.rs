//! `batch … by`: when a batch of one key goes on, and what becomes of its deliveries.

use std::time::Duration;

use brigade::prelude::*;
use brigade::{StateBound, Stop};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fakes::{Alive, Log, Quiet, alive, eventually, idle, in_time};
use crate::queues::{LEASE, PATIENCE, conserved, filled, received, until};

const AGE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_batch_has_the_items_of_one_key_in_order_of_arrival() {
    for (size, groups, len) in [
        (1, 1, 10),
        (3, 4, 100),
        (7, 2, 1000),
        (100, 100, 10_000_u64),
    ] {
        let pipeline = pipeline! {
            [0..len]
            :block 2 map(|x| x),
            batch(size) with { by: |x| x % 5, groups: groups },
        };
        let batches: Vec<(u64, Vec<u64>)> = in_time(pipeline.collect()).await.unwrap();
        for key in 0..5 {
            let of_key: Vec<_> = batches.iter().filter(|(of, _)| *of == key).collect();
            assert!(
                of_key
                    .iter()
                    .all(|(_, items)| !items.is_empty() && items.len() <= size)
            );
            let items: Vec<_> = of_key.iter().flat_map(|(_, items)| items.clone()).collect();
            let expected: Vec<_> = (0..len).filter(|x| x % 5 == key).collect();
            assert_eq!(items, expected);
            if groups >= 5 {
                let full = of_key
                    .iter()
                    .filter(|(_, items)| items.len() == size)
                    .count();
                assert!(full + 1 >= of_key.len(), "only the last is not full");
            }
        }
    }
}

#[tokio::test]
async fn over_the_bound_the_group_that_is_idle_longest_goes_on_early_and_is_counted() {
    let log = Log::default();
    let batches = log.clone();
    let report = pipeline! {
        [["a1", "b1", "a2", "c1", "b2", "a3"]]
        batch(10) with { by: |word| word.chars().next(), groups: 2, name: "grouped" },
        map(|(key, words)| (key.unwrap(), words)),
        :drive sink::each(move |batch| batches.push(batch))
    }
    .run()
    .await
    .unwrap();
    // `b` has had no item for longest when `c` comes, then `a`, then `c`.
    let expected = [
        ('b', vec!["b1"]),
        ('a', vec!["a1", "a2"]),
        ('c', vec!["c1"]),
        ('b', vec!["b2"]),
        ('a', vec!["a3"]),
    ];
    assert_eq!(log.take(), expected);
    let row = report.stage("grouped").unwrap();
    assert_eq!(
        (row.entered, row.done, row.emitted, row.evicted),
        (6, 6, 5, 3)
    );
    assert!(report.conserved(), "{report}");
    assert!(report.to_string().contains("evicted"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_age_of_each_group_is_counted_from_its_first_item() {
    let (sender, receiver) = mpsc::channel(10);
    let log = Log::default();
    let batches = log.clone();
    let started = Instant::now();
    let running = pipeline! {
        [receiver]
        batch(3, AGE) with { by: |(key, _)| *key, groups: 3 },
        :drive sink::each(move |(key, items): (char, Vec<(char, u64)>)| {
            let items: Vec<_> = items.into_iter().map(|(_, at)| at).collect();
            batches.push((started.elapsed().as_secs(), key, items));
        })
    }
    .spawn();
    let mut clock = 0;
    for (key, at) in [
        ('a', 1),
        ('b', 3),
        ('a', 9),
        ('b', 12),
        ('a', 13),
        ('a', 14),
        ('a', 15),
    ] {
        tokio::time::sleep(Duration::from_secs(at - clock)).await;
        clock = at;
        sender.send((key, at)).await.unwrap();
    }
    idle().await;
    drop(sender);
    in_time(running).await.unwrap();
    let expected = [
        (11, 'a', vec![1, 9]),
        (13, 'b', vec![3, 12]),
        (15, 'a', vec![13, 14, 15]),
    ];
    assert_eq!(log.take(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_what_its_plan_prints() {
    let (items, level) = alive(0..3000);
    let pipeline = pipeline! {
        [source::iter(items)]
        batch(5) with { by: |item: &Alive| item.id % 40, groups: 10 },
    };
    let plan = pipeline.plan();
    let row = &plan.rows[1];
    assert_eq!(
        row.state,
        Some(StateBound::Groups {
            groups: 10,
            most: Some(5)
        })
    );
    assert_eq!(row.max_items, 10 * 5 + 2 * 5);
    assert!(plan.to_string().contains("10 groups of 5"), "{plan}");
    let mut batches = pipeline.stream();
    let mut taken = 0;
    while let Some(batch) = in_time(batches.next()).await {
        taken += batch.unwrap().1.len();
        assert!(
            level.peak() <= plan.max_items,
            "{} held\n{plan}",
            level.peak()
        );
    }
    assert_eq!(taken, 3000);
    eventually("everything is dropped", || level.now() == 0).await;
}

#[tokio::test]
async fn a_record_is_grouped_by_what_its_keys_say() {
    let batches: Vec<(usize, Vec<String>)> = pipeline! {
        [["a", "bb", "cc", "d"].map(str::to_owned)]
        push_task(word),
        let doubled = word.repeat(2),
        batch(2) with { by: word.len() + doubled.len(), groups: 9 },
        map(|(size, records)| (size, records.into_iter().map(|record| record.doubled).collect())),
    }
    .collect()
    .await
    .unwrap();
    let words = |words: [&str; 2]| words.map(str::to_owned).to_vec();
    assert_eq!(
        batches,
        [(6, words(["bbbb", "cccc"])), (3, words(["aa", "dd"]))]
    );
}

#[tokio::test]
async fn a_key_that_panics_or_fails_fails_its_item_alone() {
    let _quiet = Quiet::new();
    let log = Log::default();
    let failures = log.clone();
    let batches: Vec<(u64, Vec<&str>)> = pipeline! {
        [["1", "x", "2", "!", "1"], sink::each(move |failure: Failure<_>| failures.push(failure.task().copied()))]
        push_task(text),
        batch(2) with {
            by: { assert!(*text != "!", "panicked"); text.parse::<u64>()? },
            groups: 3
        },
        map(|(key, records)| (key, records.into_iter().map(|record| record.text).collect())),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(batches, [(1, vec!["1", "1"]), (2, vec!["2"])]);
    assert_eq!(log.take(), [Some("x"), Some("!")]);
}

#[tokio::test(start_paused = true)]
async fn the_deliveries_of_a_batch_are_acknowledged_with_it() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        batch(3, AGE) with { by: |number| **number % 2, groups: 2 },
        map(|(key, numbers)| if key == 0 { Ok(numbers) } else { Err("odd") })?,
        :drive sink::each(|_numbers| {}),
    }
    .spawn();
    until(&stats, |counts| {
        (counts.acked, counts.nacked, counts.in_flight) == (3, 3, 4)
    })
    .await;
    let held = running.report().stage("batch").unwrap().held;
    assert_eq!(held, 4);
    until(&stats, |counts| (counts.acked, counts.nacked) == (5, 5)).await;
    assert!(running.drain(PATIENCE).await.unwrap().conserved());
    tokio::time::sleep(2 * LEASE).await;
    let odd = received(&numbers, Duration::ZERO).await;
    assert_eq!(odd.len(), 5);
    assert!(
        odd.iter()
            .all(|(number, count)| number % 2 == 1 && *count == 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_hands_on_what_is_open_and_an_abort_gives_it_back() {
    for drains in [true, false] {
        let numbers = filled(0..10_u64).await;
        let deliveries = numbers.clone().deliveries();
        let stats = deliveries.stats();
        let log = Log::default();
        let batches = log.clone();
        let running = pipeline! {
            [deliveries]
            batch(100) with { by: |number| **number % 3, groups: 5 },
            :drive sink::each(move |(key, numbers): (u64, Vec<_>)| batches.push((key, numbers.len()))),
        }
        .spawn();
        until(&stats, |counts| counts.in_flight == 10).await;
        if drains {
            running.drain(PATIENCE).await.unwrap();
            assert_eq!(log.take(), [(0, 4), (1, 3), (2, 3)]);
            assert_eq!(conserved(&stats).acked, 10);
        } else {
            let _report = running.abort().await;
            assert_eq!(log.len(), 0);
            until(&stats, |counts| counts.nacked == 10).await;
            assert_eq!(received(&numbers, Duration::ZERO).await.len(), 10);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn open_groups_go_on_when_a_queue_has_no_more() {
    let numbers = filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries().wait(LEASE).until_idle();
    let stats = deliveries.stats();
    pipeline! {
        [deliveries]
        map(|number| *number),
        batch(1000) with { by: |number| number % 3, groups: 2 },
        flat_map(|(_, numbers)| numbers),
        filter(|number| *number < 64),
        flat_map(|number| [2 * number, 2 * number + 1].map(queue::Outgoing::new)),
        :drive numbers.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    assert!(numbers.is_empty());
    assert_eq!(conserved(&stats).acked, 127);
}

#[tokio::test]
async fn a_number_that_is_computed_is_checked_before_anything_starts() {
    let rule = |failure: Failure| match failure.cause() {
        Cause::Stopped(Stop::Invalid(invalid)) => invalid.to_string(),
        other => other.to_string(),
    };
    let none = 0;
    let said = pipeline! { [0..3] batch(2) with { by: |x| *x, groups: none } }
        .collect::<Vec<_>>()
        .await;
    assert!(rule(said.unwrap_err()).contains("0 groups"));
    let said = pipeline! { [0..3] batch(none) with { by: |x| *x, groups: 2 } }
        .collect::<Vec<_>>()
        .await;
    assert!(rule(said.unwrap_err()).contains("groups of 0 items"));
}
