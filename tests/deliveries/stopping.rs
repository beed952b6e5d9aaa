//! A pipeline that is stopped gives back what it has, and condemns nothing.

use std::time::Duration;

use brigade::prelude::*;
use tokio::time::Instant;

use crate::fakes::{
    Fault, Gate, LEASE, Letters, Op, PATIENCE, Plain, Watched, conserved, filled, received, until,
};

/// A pipeline in the midst of ten deliveries: five are done, one is in a call, and four wait.
macro_rules! in_the_midst {
    ($numbers:expr, $letters:expr) => {{
        let deliveries = $numbers.clone().deliveries();
        let (stats, gate) = (deliveries.stats(), Gate::closed());
        gate.let_pass(5);
        let running = pipeline! {
            [deliveries, queue::dead_letters($letters.clone())]
            :async 1 tap(async |_number| gate.pass().await),
            batch(1),
            :drive sink::each(|_numbers| {}),
        }
        .spawn();
        until(&stats, |counts| counts.acked == 5).await;
        (running, stats)
    }};
}

#[tokio::test(start_paused = true)]
async fn an_abort_gives_back_at_once_what_is_under_way() {
    let (numbers, letters) = (Watched::filled(0..10_u64).await, Letters::default());
    let (running, stats) = in_the_midst!(numbers, letters);
    let aborting = Instant::now();
    running.abort().await;
    assert_eq!(aborting.elapsed(), Duration::ZERO);
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (5, 5, 0));
    let again = received(&numbers.inner, Duration::ZERO).await;
    assert_eq!(again.len(), 5);
    assert!(letters.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_pipeline_gives_back_what_is_under_way() {
    let (numbers, letters) = (Watched::filled(0..10_u64).await, Letters::default());
    let (running, stats) = in_the_midst!(numbers, letters);
    drop(running);
    until(&stats, |counts| counts.nacked == 5).await;
    assert_eq!(received(&numbers.inner, Duration::ZERO).await.len(), 5);
    assert!(letters.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_past_its_deadline_gives_back_what_is_stuck() {
    let (numbers, letters) = (Watched::filled(0..10_u64).await, Letters::default());
    let (running, stats) = in_the_midst!(numbers, letters);
    let draining = Instant::now();
    let ended = running.drain(Duration::from_secs(5)).await.unwrap_err();
    assert!(
        ended.to_string().contains("not drained within 5s"),
        "{ended}"
    );
    assert_eq!(draining.elapsed(), Duration::from_secs(5));
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (5, 5, 0));
    assert!(letters.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_processes_what_has_begun_and_gives_back_what_waits_as_if_it_had_not_been_delivered()
 {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        :async 1 tap(async |_number| passing.pass().await) with { window: 1, buffer: 1 },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.received == 10).await;
    let draining = tokio::spawn(async move { running.drain(PATIENCE).await });
    tokio::time::sleep(5 * LEASE).await;
    gate.open();
    draining.await.unwrap().unwrap();
    let counts = conserved(&stats);
    assert!(counts.acked > 0 && counts.nacked > 5, "{counts:?}");
    let again = received(&numbers.inner, Duration::ZERO).await;
    assert_eq!(again.len() as u64, 10 - counts.acked);
    assert!(again.iter().all(|(_, times)| *times == 1), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_until_the_queue_has_taken_the_acks() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::Transient, 4);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.received == 10).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).acked, 10);
    assert!(numbers.inner.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_hangs_delays_an_abort_by_a_second_at_most() {
    let (numbers, letters) = (Watched::filled(0..10_u64).await, Letters::default());
    let (running, stats) = in_the_midst!(numbers, letters);
    numbers.fails(Op::Nack(Duration::ZERO), Fault::Hangs, 100);
    let aborting = Instant::now();
    running.abort().await;
    assert!(aborting.elapsed() <= Duration::from_secs(1));
    // The queue will know when their leases end.
    assert_eq!(conserved(&stats).in_flight, 5);
    assert_eq!(received(&numbers.inner, LEASE).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_never_ran_receives_nothing() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    drop(pipeline! { [deliveries] :drive sink::each(|_number| {}) });
    assert!(numbers.calls(Op::Receive).is_empty());
}

#[tokio::test]
async fn what_a_blocking_call_still_has_at_an_abort_is_left_to_its_lease() {
    let numbers = Watched::filled(0..1_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let (late, waits) = std::sync::mpsc::channel::<()>();
    let (inside, entered) = tokio::sync::oneshot::channel::<()>();
    let (waits, inside) = (
        std::sync::Mutex::new(waits),
        std::sync::Mutex::new(Some(inside)),
    );
    let running = pipeline! {
        [deliveries]
        :block 1 tap(move |_number| {
            drop(inside.lock().unwrap().take());
            let _ = waits.lock().unwrap().recv();
        }),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    let _ = entered.await;
    running.abort().await;
    // Nobody else may have it while the call goes on.
    assert!(received(&numbers.inner, Duration::ZERO).await.is_empty());
    drop(late);
    until(&stats, |counts| counts.received == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_counts_each_delivery_is_drained_of_all_that_was_received() {
    let numbers = filled(0..10_u64).await;
    let deliveries = Plain(numbers.clone()).deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        :async 1 tap(async |_number| tokio::time::sleep(LEASE).await) with { window: 1, buffer: 1 },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.received == 10).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).acked, 10);
}
