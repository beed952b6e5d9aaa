//! `dedup`: what was seen is dropped, for how long, and what becomes of it while its first is under way.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Outgoing;
use brigade::{SetCountError, StateBound};
use tokio::sync::mpsc;

use crate::fakes::{Log, Quiet, idle, in_time};
use crate::queues::{Gate, LEASE, Letters, PATIENCE, conserved, filled, received, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_each_key_the_first_item_passes_in_order() {
    let words = || (0..10_000_u64).map(|x| x * x % 1009);
    let passed: Vec<u64> = in_time(
        pipeline! {
            [source::iter(words())]
            :block 4 map(|x| x),
            dedup(|x| *x) with { most: 10_000 },
            :async 8 map(async |x| x),
        }
        .collect(),
    )
    .await
    .unwrap();
    let mut seen = std::collections::HashSet::new();
    let expected: Vec<_> = words().filter(|x| seen.insert(*x)).collect();
    assert_eq!(passed, expected);
}

#[tokio::test]
async fn what_is_dropped_is_counted_and_what_is_forgotten_too() {
    let log = Log::default();
    let passed = log.clone();
    let pipeline = pipeline! {
        [["a", "b", "a", "c", "a", "b", "b"]]
        dedup(|word| word) with { most: 2 },
        :drive sink::each(move |word| passed.push(word)),
    };
    let plan = pipeline.plan();
    assert_eq!(plan.rows[1].state, Some(StateBound::Entries(2)));
    assert!(plan.to_string().contains("2 entries"), "{plan}");
    let report = pipeline.run().await.unwrap();
    // `c` takes the place of `a`, `a` that of `b`, and `b` that of `c`.
    assert_eq!(log.take(), ["a", "b", "c", "a", "b"]);
    let row = report.stage("dedup").unwrap();
    assert_eq!(
        (row.entered, row.done, row.filtered, row.evicted),
        (7, 5, 2, 3)
    );
    assert!(report.conserved());
}

#[tokio::test(start_paused = true)]
async fn the_time_counts_from_the_first_sight() {
    let (sender, receiver) = mpsc::channel(10);
    let log = Log::default();
    let passed = log.clone();
    let running = pipeline! {
        [receiver]
        dedup(|(key, _)| key) with { most: 10, within: Duration::from_secs(10) },
        :drive sink::each(move |(_, at): (char, u64)| passed.push(at)),
    }
    .spawn();
    let mut clock = 0;
    for at in [0, 4, 8, 9, 10, 12, 19, 20] {
        tokio::time::sleep(Duration::from_secs(at - clock)).await;
        clock = at;
        sender.send(('a', at)).await.unwrap();
        idle().await;
        tokio::time::sleep(Duration::from_millis(999)).await;
        clock += 1;
    }
    drop(sender);
    in_time(running).await.unwrap();
    // Sight after sight does not make it any longer.
    assert_eq!(log.take(), [0, 10, 20]);
}

#[tokio::test]
async fn a_record_is_told_apart_by_what_its_keys_say_and_goes_on() {
    let passed: Vec<String> = pipeline! {
        [["a", "bb", "B", "A", "c"]]
        push_task(word),
        let lower = word.to_lowercase(),
        dedup((lower, word.len())) with { most: 9 },
        let shown = format!("{word}-{lower}"),
        map(|m| m.shown),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(passed, ["a-a", "bb-bb", "B-b", "c-c"]);
}

#[tokio::test]
async fn a_key_that_panics_or_fails_fails_its_item_alone() {
    let _quiet = Quiet::new();
    let log = Log::default();
    let failures = log.clone();
    let passed: Vec<&str> = pipeline! {
        [["1", "x", "!", "01", "2"], sink::each(move |failure: Failure<_>| failures.push(failure.task().copied()))]
        push_task(text),
        dedup({ assert!(*text != "!", "panicked"); text.parse::<u64>()? }) with { most: 3 },
        map(|m| m.text),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(passed, ["1", "2"]);
    assert_eq!(log.take(), [Some("x"), Some("!")]);
}

/// A number fails as often as it says, by the count of its deliveries.
fn fails(number: &queue::Delivery<u64>, times: u32) -> Result<u64, &'static str> {
    if number.receive_count() <= times {
        Err("not yet")
    } else {
        Ok(**number)
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_comes_again_and_is_processed() {
    let numbers = filled([1_u64, 2, 3]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let log = Log::default();
    let done = log.clone();
    let report = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(1))]
        dedup(|number| **number) with { most: 100 },
        map(|number| fails(&number, 2))?,
        :drive sink::each(move |number| done.push(number)),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(log.take(), [1, 2, 3]);
    assert_eq!((conserved(&stats).acked, conserved(&stats).nacked), (3, 6));
    let row = report.stage("dedup").unwrap();
    assert_eq!((row.entered, row.filtered), (9, 0));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_dropped_while_its_first_is_under_way_and_after_it_is_done() {
    let numbers = filled([1_u64, 1]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        dedup(|number| **number) with { most: 100 },
        :async 4 tap(async |_number| passing.pass().await),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| (counts.acked, counts.in_flight) == (1, 1)).await;
    gate.open();
    until(&stats, |counts| counts.acked == 2).await;
    numbers.put(1).await;
    until(&stats, |counts| counts.acked == 3).await;
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(report.stage("dedup").unwrap().filtered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_replayed_is_no_copy() {
    let numbers = filled([1_u64, 1]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|number| *number),
        dedup(|number| *number) with { most: 100 },
        batch(1),
        map(|_| Err::<u64, _>("no"))?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| {
        counts.received == 2 && counts.in_flight == 0
    })
    .await;
    numbers.put(1).await;
    until(&stats, |counts| {
        counts.received == 3 && counts.in_flight == 0
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    assert!(letters.written().len() >= 2, "the third was tried");
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_is_under_way_and_the_next_run_takes_it() {
    let numbers = filled([1_u64, 2]).await;
    for run in 0..2 {
        let deliveries = numbers.clone().deliveries();
        let (stats, gate) = (deliveries.stats(), Gate::closed());
        if run == 1 {
            gate.open();
        }
        let running = pipeline! {
            [deliveries]
            dedup(|number| **number) with { most: 100 },
            :async 4 tap(async |_number| gate.pass().await),
            :drive sink::each(|_number| {}),
        }
        .spawn();
        until(&stats, |counts| counts.received == 2).await;
        if run == 0 {
            let _report = running.abort().await;
            until(&stats, |counts| counts.nacked == 2).await;
        } else {
            until(&stats, |counts| counts.acked == 2).await;
            running.drain(PATIENCE).await.unwrap();
        }
    }
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_filtered_and_given_back_is_no_copy_and_a_copy_is_not_given_back() {
    let numbers = filled([1_u64, 2, 2]).await;
    let deliveries = numbers.clone().deliveries().nack_filtered();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        dedup(|number| **number) with { most: 100 },
        // A one is not for us before it has come three times.
        filter(|number| **number != 1 || number.receive_count() == 3),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 3).await;
    assert_eq!(conserved(&stats).nacked, 2);
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_message_come_again_if_one_of_them_fails() {
    let numbers = filled([3_u64]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let log = Log::default();
    let seen = log.clone();
    pipeline! {
        [deliveries, queue::nacks(LEASE)]
        flat_map(|number| { let again = number.receive_count(); (0..*number).map(move |part| (part, again)) }),
        dedup(|(part, _)| *part) with { most: 100 },
        tap(|part| seen.push(*part)),
        map(|(part, count)| if part == 1 && count == 1 { Err("one") } else { Ok(part) })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(log.take(), [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]);
    assert!(numbers.is_empty());
}

#[tokio::test]
async fn without_a_message_nothing_comes_again_and_what_fails_was_seen() {
    let log = Log::default();
    let failures = log.clone();
    let passed: Vec<u64> = pipeline! {
        [[1_u64, 2, 1, 2, 3], sink::each(move |failure: Failure| failures.push(failure.to_string()))]
        dedup(|number| *number) with { most: 100 },
        :async 1 map(async |number| if number == 1 { Err("one") } else { Ok(number) })?,
    }
    .collect()
    .await
    .unwrap();
    assert_eq!((passed, log.len()), (vec![2, 3], 1));
}

#[tokio::test(start_paused = true)]
async fn its_count_is_one_and_stays_so() {
    let numbers = filled([1_u64]).await;
    let running = pipeline! {
        [numbers.deliveries()]
        dedup(|number| **number) with { most: 100 },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    let handle = running.handle();
    assert!(matches!(
        handle.set_count("dedup", 2),
        Err(SetCountError::Fixed { .. })
    ));
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_number_that_is_computed_is_checked_before_anything_starts() {
    let (none, time) = (0, Duration::ZERO);
    let said = pipeline! { [0..3] dedup(|x| *x) with { most: none } }
        .collect::<Vec<_>>()
        .await;
    assert!(said.unwrap_err().to_string().contains("0 entries"));
    let said = pipeline! { [0..3] dedup(|x| *x) with { most: 1, within: time } }
        .collect::<Vec<_>>()
        .await;
    assert!(said.unwrap_err().to_string().contains("a time of 0"));
}

/// Of two in a row, the one behind drops a copy of what is under way, which the one in front has let pass, for it had forgotten
/// the first: when that comes again, it is no copy of the copy.
#[tokio::test(start_paused = true)]
async fn what_comes_again_is_no_copy_of_a_copy_that_was_dropped_for_it() {
    let numbers = filled([1_u64, 2, 1]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let log = Log::default();
    let done = log.clone();
    pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(1))]
        dedup(|number| **number) with { most: 1 },
        dedup(|number| **number) with { most: 100, name: "behind" },
        :async 4 map(async |number| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            fails(&number, 1)
        })?,
        :drive sink::each(move |number| done.push(number)),
    }
    .run()
    .await
    .unwrap();
    let mut done = log.take();
    done.sort_unstable();
    assert_eq!(done, [1, 2]);
    assert!(numbers.is_empty());
}

/// A delivery of which the lease is over is somebody else's, here ours: its second delivery must not be taken for a copy,
/// for who has the first can do no more for the message.
#[tokio::test(start_paused = true)]
async fn a_message_that_comes_again_while_its_first_delivery_is_stuck_is_no_copy() {
    let numbers = crate::queues::Watched::filled([] as [u64; 0]).await;
    numbers.inner.send(vec![Outgoing::new(7)]).await.unwrap();
    // No extension is ever answered, so the lease runs out.
    numbers.fails(crate::queues::Op::Extend, crate::queues::Fault::Hangs, 1000);
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let log = Log::default();
    let (passing, done) = (gate.clone(), log.clone());
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        dedup(|number| **number) with { most: 100 },
        :async 4 map(async |number| {
            if number.receive_count() == 1 { passing.pass().await; Err("late") } else { Ok(*number) }
        })? with { unordered },
        :drive sink::each(move |number| done.push(number)),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1).await;
    assert_eq!((log.take(), stats.snapshot().received), (vec![7], 2));
    gate.open();
    running.drain(PATIENCE).await.unwrap();
    assert!(received(&numbers.inner, 2 * LEASE).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_an_arm_of_a_match_what_fails_comes_again_too() {
    let numbers = filled([1_u64, 2, 3, 4, 1]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let log = Log::default();
    let done = log.clone();
    pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(1))]
        match |number| **number % 2 {
            0 => { :async 2 map(async |number| number) },
            _ => { dedup(|number| **number) with { most: 100 }, :async 2 map(async |number| number) },
        },
        map(|number| fails(&number, 2))?,
        :drive sink::each(move |number| done.push(number)),
    }
    .run()
    .await
    .unwrap();
    let mut done = log.take();
    done.sort_unstable();
    assert_eq!(done, [1, 2, 3, 4]);
    assert_eq!(conserved(&stats).acked, 5);
}
