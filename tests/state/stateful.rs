//! `stateful`: what comes of items by those before them, and what becomes of deliveries meanwhile.

use std::time::Duration;

use brigade::StateBound;
use brigade::prelude::*;
use tokio::sync::mpsc;

use crate::fakes::{Alive, Log, Quiet, alive, eventually, idle, in_time};
use crate::queues::{LEASE, PATIENCE, conserved, filled, received, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_in_order_and_what_is_left_comes_at_the_end() {
    for len in [0, 1, 7, 10_000_u64] {
        // Sums of three; the rest at the end.
        let sums: Vec<(u64, usize)> = in_time(
            pipeline! {
                [0..len]
                :block 2 map(|x| x),
                stateful(
                    Vec::new(),
                    |open: &mut Vec<u64>, x| {
                        open.push(x);
                        (open.len() == 3).then(|| std::mem::take(open))
                    },
                    |open| (!open.is_empty()).then_some(open)
                ),
                map(|open| (open.iter().sum(), open.len())),
            }
            .collect(),
        )
        .await
        .unwrap();
        let all: Vec<_> = (0..len).collect();
        let expected: Vec<_> = all
            .chunks(3)
            .map(|part| (part.iter().sum(), part.len()))
            .collect();
        assert_eq!(sums, expected);
    }
}

#[tokio::test]
async fn a_step_may_have_many_outputs_within_the_bound_of_the_plan() {
    let (items, level) = alive(0..30);
    let counting = level.clone();
    let pipeline = pipeline! {
        [source::iter(items)]
        stateful(0_u64, move |total, item: Alive| {
            *total += 1;
            let level = counting.clone();
            (0..1000 * (item.id % 3)).map(move |id| Alive::new(id, &level))
        }, |_| None) with { buffer: 16 },
    };
    let plan = pipeline.plan();
    let mut outputs = pipeline.stream();
    let mut taken = 0;
    while let Some(output) = in_time(outputs.next()).await {
        output.unwrap();
        taken += 1;
        // The item is dropped by `step`; of its outputs one is in the hands of the iterator.
        assert!(
            level.peak() <= plan.max_items + 2,
            "{} held\n{plan}",
            level.peak()
        );
    }
    assert_eq!(taken, 30 * 1000);
    eventually("everything is dropped", || level.now() == 0).await;
}

#[tokio::test]
async fn a_closure_may_change_what_it_captures_and_a_state_is_lent() {
    let mut calls = 0;
    let numbered: Vec<(u64, &str)> = pipeline! {
        [["a", "b", "c"]]
        stateful(|| 10, |next: &mut u64, word| { calls += 1; *next += 1; [(*next + calls, word)] }, |next| vec![(next, "end")]),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(numbered, [(12, "a"), (14, "b"), (16, "c"), (13, "end")]);
}

#[tokio::test]
async fn a_panic_or_an_error_of_a_step_fails_its_item_and_leaves_the_state() {
    let _quiet = Quiet::new();
    let log = Log::default();
    let failures = log.clone();
    let sums: Vec<i64> = pipeline! {
        [["1", "x", "2", "!", "3"], sink::each(move |failure: Failure| failures.push(failure.to_string()))]
        stateful(
            0,
            |sum, text: &str| {
                *sum += 10;
                assert!(text != "!", "panicked");
                *sum += text.parse::<i64>()?;
                Ok([*sum])
            },
            |sum| Some(-sum)
        )?,
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(sums, [11, 33, 56, -56]);
    let said = log.take();
    assert!(
        said[0].contains("invalid digit") && said[1].contains("panicked"),
        "{said:?}"
    );
}

#[tokio::test]
async fn every_item_is_accounted_for_in_every_row() {
    let report = pipeline! {
        [0..100_u64, sink::each(|_: Failure| {})]
        stateful(0, |seen, x| {
            *seen += 1;
            match x % 4 { 0 => vec![], 1 => vec![x], _ => vec![x, x + 1] }
        }, |seen| [seen; 3]) with { name: "steps" },
        filter(|x| x % 2 == 0),
        map(|x| if x == 50 { Err("fifty") } else { Ok(x) })? with { name: "post" },
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    assert!(report.conserved(), "{report}");
    let row = report.stage("steps").unwrap();
    assert_eq!(
        (row.entered, row.done, row.emitted),
        (100, 100, 25 + 100 + 3)
    );
    assert_eq!(report.stage("post").unwrap().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn deliveries_wait_for_the_next_output() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let pipeline = pipeline! {
        [deliveries]
        map(|number| *number),
        // Every fourth goes on, with those before it.
        stateful(0_u64, |sum, number| { *sum += number; (number % 4 == 3).then_some(*sum) }, |sum| [sum])
            with { held: 5, name: "sums" },
        :drive sink::each(|_sum| {}),
    };
    let plan = pipeline.plan();
    assert_eq!(plan.rows[2].state, Some(StateBound::Held(5)));
    assert!(plan.to_string().contains("5 deliveries"), "{plan}");
    let running = pipeline.spawn();
    until(&stats, |counts| counts.received == 10).await;
    idle().await;
    assert_eq!(
        (conserved(&stats).acked, conserved(&stats).in_flight),
        (8, 2)
    );
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).acked, 10);
    assert_eq!(report.stage("sums").unwrap().emitted, 3);
}

#[tokio::test(start_paused = true)]
async fn over_its_bound_the_state_ends_and_begins_anew_and_is_counted() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let log = Log::default();
    let sums = log.clone();
    let running = pipeline! {
        [deliveries]
        stateful(0_u64, |count, _| { *count += 1; None }, |count| [count]) with { held: 3, name: "counts" },
        :drive sink::each(move |count| sums.push(count)),
    }
    .spawn();
    until(&stats, |counts| counts.received == 10).await;
    idle().await;
    assert_eq!(log.take(), [4, 4]);
    assert_eq!(
        (conserved(&stats).acked, conserved(&stats).in_flight),
        (8, 2)
    );
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(log.take(), [2]);
    assert_eq!(report.stage("counts").unwrap().evicted, 2);
    assert_eq!(conserved(&stats).acked, 10);
}

#[tokio::test(start_paused = true)]
async fn what_fails_behind_comes_again_with_all_that_went_along_and_is_processed() {
    let numbers = filled(1..5_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let log = Log::default();
    let (sums, mut tries) = (log.clone(), 0);
    pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(1))]
        stateful(
            Vec::new(),
            |open: &mut Vec<u64>, number| { open.push(*number); (open.len() == 2).then(|| std::mem::take(open)) },
            |open| (!open.is_empty()).then_some(open)
        ) with { held: 10 },
        stateful((), move |(), pair: Vec<u64>| {
            tries += 1;
            if tries == 1 { Err("the first") } else { Ok([pair]) }
        }, |()| None)? with { held: 1 },
        :drive sink::each(move |pair| sums.push(pair)),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(log.take(), [[3, 4], [1, 2]]);
    assert_eq!((conserved(&stats).acked, conserved(&stats).nacked), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn an_abort_gives_back_what_the_state_holds() {
    let numbers = filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let log = Log::default();
    let counts = log.clone();
    let running = pipeline! {
        [deliveries]
        stateful(0_u64, |count, _| { *count += 1; None }, |count| [count]) with { held: 100 },
        :drive sink::each(move |count: u64| counts.push(count)),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 5).await;
    idle().await;
    let _report = running.abort().await;
    until(&stats, |counts| counts.nacked == 5).await;
    assert_eq!(log.len(), 0);
    assert_eq!(received(&numbers, LEASE).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_state_ends_when_a_queue_has_no_more() {
    let numbers = filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries().wait(LEASE).until_idle();
    let stats = deliveries.stats();
    pipeline! {
        [deliveries]
        stateful(
            Vec::new(),
            |open: &mut Vec<u64>, number| { open.push(*number); None::<u64> },
            |open| open
        ) with { held: 100_000 },
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
async fn an_end_that_panics_fails_once_and_an_iterator_that_does_keeps_what_came() {
    let _quiet = Quiet::new();
    let log = Log::default();
    let failures = log.clone();
    let outputs: Vec<u64> = pipeline! {
        [0..3_u64, sink::each(move |failure: Failure| failures.push(failure.to_string()))]
        stateful(
            (),
            |(), x| (0..=x).inspect(|y| assert!(*y < 2, "panicked")),
            |()| -> Option<u64> { panic!("panicked") }
        ),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(outputs, [0, 0, 1, 0, 1]);
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn a_state_lives_between_items_that_come_one_by_one() {
    let (sender, receiver) = mpsc::channel(1);
    let mut outputs = pipeline! {
        [receiver]
        stateful(0_u64, |sum, x| { *sum += x; [*sum] }, |_| None),
    }
    .stream();
    for (item, sum) in [(1, 1), (2, 3), (3, 6)] {
        sender.send(item).await.unwrap();
        assert_eq!(in_time(outputs.next()).await.unwrap().unwrap(), sum);
    }
    drop(sender);
    assert!(in_time(outputs.next()).await.is_none());
}

#[tokio::test]
async fn a_number_that_is_computed_is_checked_before_anything_starts() {
    let none = 0;
    let said = pipeline! { [0..3] stateful((), |(), x| [x], |()| None) with { held: none } }
        .collect::<Vec<_>>()
        .await;
    assert!(said.unwrap_err().to_string().contains("0 held"));
}
