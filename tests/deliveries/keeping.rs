//! Leases are extended, and the queue is told what became of deliveries, whatever goes wrong with it.

use std::sync::Arc;
use std::time::Duration;

use brigade::journal::{Begin, Begun, Journal as _, TaskName};
use brigade::prelude::*;
use brigade::queue::{DeliverySnapshot, Outgoing};
use tokio::time::Instant;

use crate::fakes::{Fault, Gate, LEASE, Op, PATIENCE, Watched, conserved, until};

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_while_the_item_waits_or_is_worked_on() {
    let numbers = Watched::filled(0..20_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let started = Instant::now();
    let running = pipeline! {
        [deliveries]
        2 map(|number| *number) with { buffer: 4 },
        :async 2 tap(async |_number| passing.pass().await) with { buffer: 4 },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    tokio::time::sleep(10 * LEASE).await;
    // None has come a second time, be it prefetched, in a buffer or in a call.
    assert_eq!(conserved(&stats).received, 20);
    let extended = numbers.calls(Op::Extend);
    for call in &extended {
        assert_eq!(call.receipts.len(), 20);
    }
    // A third of the lease after it was taken, or extended.
    assert_eq!(extended[0].at - started, LEASE / 3);
    assert!((28..=31).contains(&extended.len()), "{}", extended.len());
    gate.open();
    until(&stats, |counts| counts.acked == 20).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).received, 20);
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_panics_when_leases_are_extended_is_asked_again() {
    let numbers = Watched::filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    numbers.fails(Op::Extend, Fault::Panics, 1);
    let running = pipeline! {
        [deliveries]
        :async tap(async |_number| passing.pass().await),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    tokio::time::sleep(10 * LEASE).await;
    assert_eq!(conserved(&stats).received, 1, "the lease has ended");
    gate.open();
    until(&stats, |counts| counts.acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_extended_after_its_delivery_is_resolved() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    // The queue does not take the acks for a while, in which leases are due to be extended.
    numbers.fails(Op::Ack, Fault::Transient, 6);
    let running = pipeline! {
        [deliveries]
        :async 10 tap(async |number| if **number > 4 { passing.pass().await }),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 5).await;
    tokio::time::sleep(LEASE).await;
    gate.open();
    until(&stats, |counts| counts.acked == 10).await;
    running.drain(PATIENCE).await.unwrap();
    let first_acks = numbers.calls(Op::Ack);
    for extended in numbers.calls(Op::Extend) {
        for receipt in &extended.receipts {
            let acked = first_acks.iter().find(|ack| ack.receipts.contains(receipt));
            assert!(extended.at < acked.unwrap().at);
        }
    }
    assert!(!numbers.calls(Op::Extend).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_resolved_while_its_lease_is_extended_is_acknowledged_after_that() {
    let numbers = Watched::filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    numbers.fails(Op::Extend, Fault::Hangs, 1);
    let running = pipeline! {
        [deliveries]
        :async 1 tap(async |_number| passing.pass().await),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    tokio::time::sleep(LEASE / 3 + Duration::from_secs(1)).await;
    assert_eq!(numbers.calls(Op::Extend).len(), 1);
    gate.open();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(numbers.calls(Op::Ack).is_empty());
    // The call is given up after as long as it was due.
    until(&stats, |counts| counts.acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_acknowledger_that_fails_is_tried_again_with_back_off_and_shows() {
    let numbers = Watched::filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::Transient, 2);
    numbers.fails(Op::Ack, Fault::Panics, 1);
    let running = pipeline! {
        [deliveries]
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1).await;
    assert_eq!(conserved(&stats).retries, 3);
    let acks = numbers.calls(Op::Ack);
    let waits: Vec<_> = acks.windows(2).map(|two| two[1].at - two[0].at).collect();
    assert!(waits[0] >= Duration::from_millis(100), "{waits:?}");
    assert!(waits[1] >= Duration::from_millis(200), "{waits:?}");
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_acknowledger_that_fails_touches_only_its_own_group() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    numbers.fails(Op::Ack, Fault::Hangs, 1);
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(600))]
        :async 10 map(async |number| {
            if *number > 0 {
                passing.pass().await;
            }
            if *number == 9 { Err("nine") } else { Ok(()) }
        })?,
        :drive sink::each(|()| {}),
    }
    .spawn();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(numbers.calls(Op::Ack).len(), 1);
    gate.open();
    // The first group hangs for ever; what comes later is settled all the same, and at once where it is of another kind.
    until(&stats, |counts| counts.nacked == 1).await;
    assert_eq!(conserved(&stats).acked, 0);
    until(&stats, |counts| counts.acked == 8).await;
    let ended = running.drain(Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(ended.cause(), Cause::Stopped(_)));
    assert_eq!(conserved(&stats).in_flight, 1);
}

#[tokio::test(start_paused = true)]
async fn one_entry_that_fails_is_tried_again_alone() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::First, 2);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 10).await;
    let acks = numbers.calls(Op::Ack);
    assert_eq!(acks[acks.len() - 1].receipts.len(), 1);
    assert_eq!(conserved(&stats).lost, 0);
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.inner.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_lost_is_counted_and_not_tried_again() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle().wait(2 * LEASE);
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::FirstLost, 1);
    pipeline! { [deliveries] :drive sink::each(|_number| {}) }
        .run()
        .await
        .unwrap();
    // It was not done for the queue, so it came again.
    let counts = conserved(&stats);
    assert_eq!((counts.received, counts.acked), (11, 10));
    assert_eq!((counts.nacked, counts.lost, counts.retries), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_no_acks_for_longer_than_a_lease_loses_the_lease_and_no_message() {
    let numbers = Watched::filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::Transient, 12);
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.lost == 1).await;
    until(&stats, |counts| counts.acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.inner.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_can_never_take_acks_ends_the_source() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries().prefetch(1);
    let stats = deliveries.stats();
    numbers.fails(Op::Ack, Fault::Fatal, 1);
    let ended = pipeline! { [deliveries] :drive sink::each(|_number| {}) }
        .run()
        .await
        .unwrap_err();
    assert!(ended.to_string().contains("no such queue"), "{ended}");
    assert_eq!(conserved(&stats).in_flight, 0);
    assert!(!numbers.inner.is_empty());
}

#[tokio::test(start_paused = true)]
async fn acks_go_out_in_groups_and_a_single_one_at_once() {
    let numbers = Watched::filled(0..1000_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let started = Instant::now();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked == 1000).await;
    let calls = numbers.calls(Op::Ack).len();
    assert!(calls < 100, "{calls} calls for 1000 deliveries");
    numbers.inner.put(1).await;
    until(&stats, |counts| counts.acked == 1001).await;
    // In virtual time that is: nothing has waited for a timer, but the one that looks.
    assert!(started.elapsed() <= Duration::from_millis(20));
    running.drain(PATIENCE).await.unwrap();
}

/// A pipeline over a queue of one message, with a journal; its counts, and whether its task is known to be done.
async fn journaled(orders: Arc<Watched<String>>) -> (DeliverySnapshot, bool) {
    let journal = brigade::journal::memory();
    let deliveries = orders.deliveries().until_idle().wait(LEASE);
    let stats = deliveries.stats();
    let tasks = journal.clone();
    pipeline! {
        [deliveries]
        journal = tasks;
        push_task(order),
        let length = order.len() with { once },
        map(|m| m.length),
        :drive sink::each(|_length| {}),
    }
    .run()
    .await
    .unwrap();
    let begin = Begin {
        task: TaskName::new("watched", "order 1"),
        message: None,
    };
    let begun = journal.begin(vec![begin]).await.unwrap();
    (conserved(&stats), begun == [Begun::Done])
}

/// A queue with one message that was given a name.
async fn order() -> Arc<Watched<String>> {
    let orders = Watched::filled([]).await;
    let order = Outgoing::new("plums".to_owned()).id("order 1");
    orders.send(vec![order]).await.unwrap();
    orders
}

#[tokio::test(start_paused = true)]
async fn an_ack_whose_answer_was_cut_off_is_an_ack_and_finishes_its_task() {
    let orders = order().await;
    orders.fails(Op::Ack, Fault::CutOff, 1);
    let (counts, is_done) = journaled(orders.clone()).await;
    assert_eq!(orders.calls(Op::Ack).len(), 2);
    assert_eq!((counts.acked, counts.nacked, counts.lost), (1, 0, 0));
    assert!(is_done, "what is recorded of it stays");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_purged_while_it_was_worked_on_counts_as_acked_and_its_task_is_finished()
{
    let orders = order().await;
    orders.fails(Op::Ack, Fault::Purged, 1);
    let (counts, is_done) = journaled(orders.clone()).await;
    assert_eq!(orders.calls(Op::Ack).len(), 1);
    assert_eq!((counts.acked, counts.nacked, counts.lost), (1, 0, 0));
    assert!(is_done, "what is recorded of it stays");
}
