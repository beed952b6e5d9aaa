//! How a queue is asked for messages.

use std::time::Duration;

use brigade::prelude::*;
use tokio::time::Instant;

use crate::fakes::{Fault, Gate, Op, PATIENCE, Watched, conserved, until};
use crate::heard::Heard;

#[tokio::test(start_paused = true)]
async fn a_drain_interrupts_a_long_poll_and_the_queue_is_not_asked_again() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries().wait(Duration::from_secs(600));
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 3).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (draining, asked) = (Instant::now(), numbers.calls(Op::Receive).len());
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(draining.elapsed(), Duration::ZERO);
    numbers.inner.put(4).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(numbers.calls(Op::Receive).len(), asked);
    assert_eq!(numbers.inner.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_interrupts_a_back_off() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    numbers.fails(Op::Receive, Fault::Transient, 1_000);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (draining, asked) = (Instant::now(), numbers.calls(Op::Receive).len());
    assert!(asked > 1);
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(draining.elapsed(), Duration::ZERO);
    assert_eq!(numbers.calls(Op::Receive).len(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_away_for_a_while_is_waited_for() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Receive, Fault::Transient, 10);
    let (heard, _listening) = Heard::here();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 3).await;
    // It is said when it begins and when it is over, and not at each try.
    let said = heard.lines("watched");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("WARN message=it is away; tried again"),
        "{said:?}"
    );
    assert!(said[1].starts_with("INFO message=it is back"), "{said:?}");
    let asked = numbers.calls(Op::Receive);
    let waits: Vec<_> = asked.windows(2).map(|two| two[1].at - two[0].at).collect();
    // 100 ms, doubled, with a jitter of up to as much again; 3 s at most.
    assert!(waits[0] < Duration::from_millis(201), "{waits:?}");
    assert!(waits[3] >= Duration::from_millis(800), "{waits:?}");
    assert!(waits[9] <= Duration::from_secs(6), "{waits:?}");
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_no_more_once_it_has_answered_ends_the_pipeline_and_is_named() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 3).await;
    let gone = Instant::now();
    numbers.fails(Op::Receive, Fault::Fatal, 1);
    let failure = running.await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "watched: queue `watched`: no such queue"
    );
    // The long poll that was under way; nothing was tried again.
    assert!(gone.elapsed() <= Duration::from_secs(20));
    let last = stats.last_error().unwrap();
    assert_eq!(&*last.error, "no such queue");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_never_answers_ends_the_source_after_a_minute_whatever_it_says() {
    for fault in [Fault::Transient, Fault::Fatal] {
        for within in [None, Some(Duration::ZERO), Some(Duration::from_secs(600))] {
            let numbers = Watched::filled(0..3_u64).await;
            let mut deliveries = numbers.clone().deliveries();
            if let Some(within) = within {
                deliveries = deliveries.connect_within(within);
            }
            let stats = deliveries.stats();
            numbers.fails(Op::Receive, fault, 10_000);
            let begun = Instant::now();
            let failure = pipeline! { [deliveries] :drive sink::each(|_number| {}) }
                .run()
                .await
                .unwrap_err();
            let within = within.unwrap_or(Duration::from_secs(60));
            let took = begun.elapsed();
            assert!(
                took >= within && took <= within + Duration::from_secs(1),
                "{took:?}"
            );
            let said =
                format!("queue `watched`: it could not be received from within {within:?}: ");
            assert!(failure.to_string().contains(&said), "{failure}");
            let last = stats.last_error().unwrap();
            assert!(failure.to_string().ends_with(&*last.error), "{failure}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_made_a_little_later_is_waited_for_and_shown_meanwhile() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Receive, Fault::Fatal, 5);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    while numbers.calls(Op::Receive).len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let last = stats.last_error().unwrap();
    assert_eq!(&*last.error, "no such queue");
    assert!(last.since <= std::time::SystemTime::now());
    until(&stats, |counts| counts.acked == 3).await;
    assert_eq!(stats.last_error(), None);
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_away_is_waited_for_as_long_as_it_takes_and_told_each_minute() {
    let numbers = Watched::filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries().wait(Duration::from_secs(1));
    let stats = deliveries.stats();
    let (heard, _listening) = Heard::here();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 3).await;
    numbers.fails(Op::Receive, Fault::Transient, 1_000_000);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let said = heard.lines("watched");
    assert!((59..=61).contains(&said.len()), "{}", said.len());
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_ahead_than_is_said() {
    let numbers = Watched::filled(0..1000_u64).await;
    let deliveries = numbers.clone().deliveries().prefetch(10);
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        :async 2 tap(async |_number| passing.pass().await) with { window: 4, buffer: 4 },
        map(|number| *number),
        :drive sink::each(|_number| {}) with { buffer: 1 },
    }
    .spawn();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(conserved(&stats).received, 10);
    gate.let_pass(4);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(conserved(&stats).received, 10);
    gate.open();
    until(&stats, |counts| counts.acked == 1000).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_while_too_much_waits_to_be_acknowledged() {
    let numbers = Watched::filled(0..50_000_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::Transient, 100_000);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let counts = conserved(&stats);
    // Eight times what the queue is told at once, and one more taking.
    assert!(counts.in_flight <= 9 * 1024 + 1024, "{counts:?}");
    assert_eq!(counts.acked, 0);
    running.abort().await;
}
