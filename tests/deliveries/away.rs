//! Promise 132: while a place is away, deliveries are held, and no dead letter is written because of it.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Delivery;
use brigade::sink::Sink;

use crate::absent::{Absence, Back, Remote};
use crate::fakes::{LEASE, Letters, PATIENCE, conserved, filled, received, until};

/// Much longer than a lease, and than anything without deliveries is waited for.
const LONG: Duration = Duration::from_secs(900);

/// Takes numbers.
fn taking() -> impl Sink<u64> {
    sink::each(|_number| ())
}

#[tokio::test(start_paused = true)]
async fn while_a_sink_is_away_deliveries_are_held_with_their_leases_and_no_letter_is_written() {
    let numbers = filled(0..200_u64).await;
    let deliveries = numbers.clone().deliveries().prefetch(8);
    let (stats, letters, absence) = (deliveries.stats(), Letters::default(), Absence::begun());
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        :async 2 map(async |number| *number) with { window: 4, buffer: 4 },
        :drive Remote::new(taking(), &absence) with { buffer: 4 },
    }
    .spawn();
    tokio::time::sleep(LONG).await;
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.dead), (0, 0, 0));
    assert!(
        counts.received < 200,
        "the source goes on though nothing is done: {counts:?}"
    );
    assert!(
        received(&numbers, Duration::ZERO).await.len() as u64 == 200 - counts.received,
        "a lease was lost"
    );
    absence.ends();
    until(&stats, |counts| counts.acked == counts.received).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!((stats.snapshot().nacked, letters.written().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_past_its_deadline_gives_back_what_waits_for_a_sink_at_once() {
    let numbers = filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, letters, absence) = (deliveries.stats(), Letters::default(), Absence::begun());
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|number| *number),
        :drive Remote::new(taking(), &absence),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 5).await;
    running.drain(LEASE).await.unwrap_err();
    let counts = conserved(&stats);
    assert_eq!((counts.nacked, counts.acked, counts.dead), (5, 0, 0));
    assert_eq!(received(&numbers, Duration::ZERO).await.len(), 5);
    assert!(letters.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_fails_because_a_place_was_away_is_given_back_for_a_lease_and_is_no_letter() {
    let numbers = filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    let mut sink = Remote::new(taking(), &Absence::of(1));
    sink.back = Back::Nothing;
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|number| *number),
        :drive sink,
    }
    .spawn();
    until(&stats, |counts| counts.nacked > 0 && counts.in_flight == 0).await;
    let first = conserved(&stats);
    assert_eq!(first.nacked + first.acked, 5);
    tokio::time::sleep(LEASE / 2).await;
    assert_eq!(conserved(&stats).received, 5, "they come again at once");
    until(&stats, |counts| counts.acked == 5).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(letters.written().is_empty() && numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_wrote_before_it_was_away_is_acknowledged_while_the_rest_waits() {
    let numbers = filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, absence) = (deliveries.stats(), Absence::begun());
    let mut sink = Remote::new(taking(), &absence);
    sink.back = Back::AllButOne;
    let running = pipeline! {
        [deliveries, queue::dead_letters(Letters::default())]
        :async 5 map(async |number| *number),
        :drive sink,
    }
    .spawn();
    // Each try writes the first of those that are left; the last of a write never comes through.
    until(&stats, |counts| counts.acked > 0).await;
    assert!(conserved(&stats).in_flight > 0);
    absence.ends();
    until(&stats, |counts| counts.acked == 5).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!((stats.snapshot().nacked, stats.snapshot().dead), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn letters_wait_for_a_store_that_is_away_with_the_leases_of_their_messages() {
    let numbers = filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, letters, absence) = (deliveries.stats(), Letters::default(), Absence::begun());
    let running = pipeline! {
        [deliveries, queue::dead_letters(Remote::new(letters.clone(), &absence))]
        push_task(number),
        :async 4 tap(|_m| async { Err::<(), _>("bad") })?,
        :drive sink::each(|_record| {}),
    }
    .spawn();
    tokio::time::sleep(LONG).await;
    let counts = conserved(&stats);
    assert_eq!((counts.received, counts.dead, counts.nacked), (5, 0, 0));
    absence.ends();
    until(&stats, |counts| counts.dead == 5).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(letters.written().len(), 5);
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn poison_waits_for_a_store_of_letters_that_is_away() {
    let numbers = filled([1_u64]).await;
    let (letters, absence) = (Letters::default(), Absence::begun());
    let deliveries = numbers.clone().deliveries();
    let deliveries = deliveries.poison(0, Remote::new(letters.clone(), &absence));
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_number: Delivery<u64>| {}) }.spawn();
    tokio::time::sleep(LONG).await;
    let counts = conserved(&stats);
    assert_eq!((counts.received, counts.dead, counts.nacked), (1, 0, 0));
    absence.ends();
    until(&stats, |counts| counts.dead == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(letters.written().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_interrupts_poison_that_waits_for_a_store_of_letters() {
    let numbers = filled([1_u64]).await;
    let absence = Absence::begun();
    let deliveries = numbers.clone().deliveries();
    let deliveries = deliveries.poison(0, Remote::new(Letters::default(), &absence));
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_number: Delivery<u64>| {}) }.spawn();
    until(&stats, |_counts| absence.refused() > 3).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).nacked, 1);
    assert_eq!(received(&numbers, LEASE).await, [(1, 2)]);
}
