//! One delivery in several items, and several deliveries in one.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Delivery;
use brigade::sink::{Sink, SinkError, Written};

use crate::fakes::{Gate, LEASE, Letters, PATIENCE, conserved, filled, received, until};

#[tokio::test(start_paused = true)]
async fn a_delivery_that_became_several_items_is_acknowledged_with_the_last_of_them() {
    let numbers = filled([5_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        flat_map(|number| 0..*number),
        :async 5 tap(async |_number| passing.pass().await),
        filter(|number| *number != 2),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.received == 1).await;
    gate.let_pass(4);
    tokio::time::sleep(LEASE).await;
    assert_eq!(conserved(&stats).acked, 0);
    gate.let_pass(1);
    until(&stats, |counts| counts.acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_of_which_one_item_fails_is_delivered_again() {
    let numbers = filled([5_u64, 3]).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(5))]
        flat_map(|number| 0..*number),
        map(|number| if number == 4 { Err("four") } else { Ok(number) })?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1 && counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(received(&numbers, Duration::from_secs(4)).await.is_empty());
    assert_eq!(received(&numbers, LEASE).await, [(5, 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_panics_half_way_fails_its_delivery() {
    let numbers = filled([5_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        flat_map(|number| (0..*number).inspect(|number| assert!(*number < 3, "three"))),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.dead == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(letters.written()[0].cause.contains("three"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_shares_the_tickets_of_its_items() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        map(|number| *number),
        batch(4),
        :async 3 map(async |numbers: Vec<u64>| { passing.pass().await; numbers.len() }),
        :drive sink::each(|_count| {}),
    }
    .spawn();
    until(&stats, |counts| counts.received == 10).await;
    gate.let_pass(1);
    until(&stats, |counts| counts.acked == 4).await;
    tokio::time::sleep(LEASE).await;
    assert_eq!(conserved(&stats).acked, 4);
    gate.open();
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).acked, 10);
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_a_dead_letter_for_each_of_its_messages() {
    let numbers = filled(0..6_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|number| *number),
        batch(3),
        map(|numbers| if numbers.contains(&4) { Err("four") } else { Ok(numbers) })?,
        :drive sink::each(|_numbers| {}),
    }
    .run()
    .await
    .unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.dead, counts.in_flight), (3, 3, 0));
    let mut originals: Vec<_> = letters
        .written()
        .into_iter()
        .map(|letter| String::from_utf8(letter.original).unwrap())
        .collect();
    originals.sort_unstable();
    assert_eq!(originals, ["3", "4", "5"]);
    assert!(numbers.is_empty());
}

/// Refuses even numbers.
struct Odd;

impl Sink<Vec<u64>> for Odd {
    async fn write(&self, batches: Vec<Vec<u64>>) -> Result<Written, SinkError<Vec<u64>>> {
        let mut written = Written::all();
        for (index, batch) in batches.iter().enumerate() {
            for (part, number) in batch.iter().enumerate() {
                if number % 2 == 0 {
                    written.fail_part(index, part, format!("{number} is even"));
                }
            }
        }
        Ok(written)
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_row_of_a_batch_is_its_own_delivery_and_the_others_are_done() {
    let numbers = filled(1..=10_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|number| *number),
        batch(4),
        :drive Odd,
    }
    .run()
    .await
    .unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.dead, counts.in_flight), (5, 5, 0));
    for letter in letters.written() {
        let original = String::from_utf8(letter.original).unwrap();
        assert_eq!(letter.cause, format!("{original} is even"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_row_of_a_batch_that_was_changed_is_all_of_its_deliveries() {
    let numbers = filled([1_u64, 3, 5, 6]).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    // Nothing can be known of which row came from which message.
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        map(|number| *number),
        batch(2),
        map(|mut numbers| { numbers.reverse(); numbers }),
        :drive Odd,
    }
    .spawn();
    until(&stats, |counts| counts.acked + counts.nacked == 4).await;
    running.drain(PATIENCE).await.unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked), (2, 2));
    let mut again = received(&numbers, LEASE).await;
    again.sort_unstable();
    assert_eq!(again, [(5, 2), (6, 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_fails_in_a_sink_is_its_own_delivery_and_the_others_are_done() {
    let numbers = filled(1..=10_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        push_task(original),
        map(|m| *m.original),
        :drive sink::each(|number: u64| if number.is_multiple_of(2) { Err("even") } else { Ok(()) }),
    }
    .run()
    .await
    .unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.dead, counts.in_flight), (5, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_deliveries_keeps_a_handle_of_each() {
    let words = filled(["a".to_owned(), "b".to_owned()]).await;
    let deliveries = words.clone().deliveries().until_idle();
    pipeline! {
        [deliveries]
        batch(2),
        :drive sink::each(|batch: Vec<Delivery<String>>| {
            let bodies: Vec<_> = batch.into_iter().map(Delivery::into_body).collect();
            assert_eq!(bodies, ["a", "b"]);
        }),
    }
    .run()
    .await
    .unwrap();
    assert!(words.is_empty());
}
