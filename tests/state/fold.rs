//! `fold`: what is made of many items, of each key.

use std::collections::HashMap;
use std::time::Duration;

use brigade::StateBound;
use brigade::prelude::*;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fakes::{Log, Quiet, idle, in_time};
use crate::queues::{LEASE, PATIENCE, conserved, filled, received, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_the_fold_of_the_items_of_each_key() {
    for groups in [1, 2, 10] {
        let parts: Vec<(u64, (u64, u64))> = in_time(
            pipeline! {
                [0..10_000_u64]
                :block 2 map(|x| x),
                fold((0, 0), |(sum, count), x| { *sum += x; *count += 1; }) with { by: |x| x % 5, groups: groups },
            }
            .collect(),
        )
        .await
        .unwrap();
        let mut all = HashMap::new();
        for (key, (sum, count)) in parts {
            let (sums, counts) = all.entry(key).or_insert((0, 0));
            (*sums, *counts) = (*sums + sum, *counts + count);
        }
        for key in 0..5 {
            let sum = (0..10_000).filter(|x| x % 5 == key).sum();
            assert_eq!(all[&key], (sum, 2000));
        }
    }
}

#[tokio::test]
async fn without_a_key_there_is_one_value_and_none_of_no_items() {
    for len in [0, 1, 5, 12_u64] {
        let sums: Vec<u64> = pipeline! { [0..len] fold(0, |sum, x| *sum += x) with { most: 5 } }
            .collect()
            .await
            .unwrap();
        let all: Vec<_> = (0..len).collect();
        let expected: Vec<u64> = all.chunks(5).map(|part| part.iter().sum()).collect();
        assert_eq!(sums, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_goes_on_by_its_count_by_its_age_and_early() {
    let (sender, receiver) = mpsc::channel(10);
    let log = Log::default();
    let values = log.clone();
    let started = Instant::now();
    let pipeline = pipeline! {
        [receiver]
        fold(Vec::new(), |all: &mut Vec<u64>, (_, at)| all.push(at)) with {
            by: |(key, _): &(char, u64)| *key,
            most: 3,
            within: Duration::from_secs(10),
            groups: 2,
            name: "folded",
        },
        :drive sink::each(move |(key, all)| values.push((started.elapsed().as_secs(), key, all))),
    };
    let plan = pipeline.plan();
    let bound = StateBound::Groups {
        groups: 2,
        most: Some(3),
    };
    assert_eq!(plan.rows[1].state, Some(bound));
    let running = pipeline.spawn();
    let mut clock = 0;
    for (key, at) in [
        ('a', 1),
        ('b', 3),
        ('b', 4),
        ('b', 5),
        ('a', 8),
        ('b', 9),
        ('c', 10),
        ('c', 21),
    ] {
        tokio::time::sleep(Duration::from_secs(at - clock)).await;
        clock = at;
        sender.send((key, at)).await.unwrap();
    }
    idle().await;
    drop(sender);
    let report = in_time(running).await.unwrap();
    let expected = [
        (5, 'b', vec![3, 4, 5]),
        (10, 'a', vec![1, 8]),
        (19, 'b', vec![9]),
        (20, 'c', vec![10]),
        (21, 'c', vec![21]),
    ];
    assert_eq!(log.take(), expected);
    assert!(report.conserved(), "{report}");
    assert_eq!(report.stage("folded").unwrap().evicted, 1);
}

#[tokio::test]
async fn a_step_that_fails_or_panics_fails_its_item_and_the_value_is_what_it_left() {
    let _quiet = Quiet::new();
    let log = Log::default();
    let failures = log.clone();
    let sums: Vec<(usize, i64)> = pipeline! {
        [["x", "1", "!", "2", "yy"], sink::each(move |failure: Failure| failures.push(failure.to_string()))]
        fold(0, |sum, text: &str| {
            assert!(text != "!", "panicked");
            *sum += text.parse::<i64>()?;
            Ok(())
        })? with { by: |text| text.len(), groups: 3 },
    }
    .collect()
    .await
    .unwrap();
    // Of what had no item that counts there is no value.
    assert_eq!((sums, log.len()), (vec![(1, 3)], 3));
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_acknowledged_with_their_value() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        map(|number| *number),
        fold(0, |sum, number| *sum += number) with { by: |number| number % 2, groups: 2, most: 3 },
        map(|(key, sum)| if key == 0 { Ok(sum) } else { Err("odd") })?,
        :drive sink::each(|_sum| {}),
    }
    .spawn();
    until(&stats, |counts| {
        (counts.acked, counts.nacked, counts.in_flight) == (3, 3, 4)
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!((conserved(&stats).acked, conserved(&stats).nacked), (5, 5));
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(received(&numbers, Duration::ZERO).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_value_goes_on_when_a_queue_has_no_more() {
    let numbers = filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries().wait(LEASE).until_idle();
    pipeline! {
        [deliveries]
        map(|number| *number),
        fold(Vec::new(), Vec::push) with { most: 1000 },
        flat_map(|all| all),
        filter(|number| *number < 64),
        flat_map(|number| [2 * number, 2 * number + 1].map(queue::Outgoing::new)),
        :drive numbers.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test]
async fn a_number_that_is_computed_is_checked_before_anything_starts() {
    let (none, time) = (0, Duration::ZERO);
    let said = pipeline! { [0..3] fold(0, |sum, x| *sum += x) with { most: none } }
        .collect::<Vec<_>>()
        .await;
    assert!(said.unwrap_err().to_string().contains("groups of 0 items"));
    let said = pipeline! { [0..3] fold(0, |sum, x| *sum += x) with { within: time } }
        .collect::<Vec<_>>()
        .await;
    assert!(said.unwrap_err().to_string().contains("a time of 0"));
}
