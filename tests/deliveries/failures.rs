//! Who decides about the delivery of an item that failed.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Delivery, Outgoing};

use crate::fakes::{LEASE, PATIENCE, conserved, filled, received, until};

/// Fails on 3.
fn not_three(number: u64) -> Result<u64, &'static str> {
    if number == 3 {
        Err("three")
    } else {
        Ok(number)
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_acknowledged_does_not_come_again() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, sink::each(|failure: Failure| failure.ack())]
        map(|number| not_three(*number))?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 10).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_whose_parts_were_taken_out_can_still_be_acknowledged_or_given_back() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let errors = |mut failure: Failure<Delivery<u64>>| {
        let number = failure.take_task().map(|number| *number);
        let Cause::Error(_own) = failure.replace_cause(Cause::Panic(String::new())) else {
            panic!("{failure}");
        };
        match number {
            Some(1) => failure.ack(),
            _ => failure.nack(Duration::from_secs(100)),
        }
    };
    let running = pipeline! {
        [deliveries, sink::each(errors)]
        push_task(number),
        tap(|m| if *m.number.body() < 2 { Err("small") } else { Ok(()) })?,
        :drive sink::each(|_record| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 9 && counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(received(&numbers, Duration::from_secs(200)).await, [(0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_whose_task_was_made_another_can_still_be_acknowledged() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, sink::each(|failure: Failure<Delivery<u64>>| {
            let failure = failure.map_task(|number| Some(number.to_string()));
            assert_eq!(failure.task().map(String::as_str), Some("3"));
            failure.ack();
        })]
        push_task(number),
        tap(|m| not_three(*m.number.body()).map(|_number| ()))?,
        :drive sink::each(|_record| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 10).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_given_back_comes_again_after_the_delay() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, delay) = (deliveries.stats(), Duration::from_secs(100));
    let running = pipeline! {
        [deliveries, sink::each(move |failure: Failure| failure.nack(delay))]
        map(|number| not_three(*number))?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 9 && counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(
        received(&numbers, delay.saturating_sub(Duration::from_secs(1)))
            .await
            .is_empty()
    );
    assert_eq!(received(&numbers, Duration::from_secs(2)).await, [(3, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_decides_about_comes_again_after_a_lease() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, sink::each(|_failure: Failure| {})]
        map(|number| not_three(*number))?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 9 && counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(
        received(&numbers, LEASE.saturating_sub(Duration::from_secs(1)))
            .await
            .is_empty()
    );
    assert_eq!(received(&numbers, Duration::from_secs(2)).await, [(3, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_a_channel_keeps_its_lease_until_it_is_decided_about() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, (sender, mut failures)) = (deliveries.stats(), tokio::sync::mpsc::channel(8));
    let running = pipeline! {
        [deliveries, sender]
        push_task(original),
        map(|m| not_three(*m.original))?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 9).await;
    tokio::time::sleep(10 * LEASE).await;
    let failure: Failure<Delivery<u64>> = failures.recv().await.unwrap();
    assert_eq!(conserved(&stats).in_flight, 1);
    // A run ends when the last delivery is decided about.
    let draining = tokio::spawn(async move { running.drain(PATIENCE).await });
    tokio::time::sleep(LEASE).await;
    assert!(!draining.is_finished());
    failure.ack();
    draining.await.unwrap().unwrap();
    assert!(failures.recv().await.is_none());
    assert_eq!(conserved(&stats).acked, 10);
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_an_errors_end_the_failing_message_comes_again_after_a_lease_and_the_others_at_once()
 {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let failure = pipeline! {
        [deliveries]
        :async 10 map(async |number| {
            if *number != 3 {
                std::future::pending::<()>().await;
            }
            not_three(*number)
        })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap_err();
    let said = failure.to_string();
    assert!(said.starts_with("map: three, at memory/"), "{said}");
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (0, 10, 0));
    let at_once = received(&numbers, Duration::ZERO).await;
    assert_eq!(at_once.len(), 9);
    assert!(!at_once.contains(&(3, 2)));
    // Those leases end too.
    let later = received(&numbers, LEASE).await;
    assert!(later.contains(&(3, 2)), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_timeout_are_failures_like_others() {
    let numbers = filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        :async 3 map(|number| async move {
            assert!(*number != 1, "one");
            if *number == 2 {
                std::future::pending::<()>().await;
            }
        }) with { timeout: Duration::from_secs(1) },
        :drive sink::each(|()| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1 && counts.nacked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(numbers.len(), 2);
}

#[tokio::test]
async fn a_blocking_call_that_takes_too_long_fails_its_delivery_and_its_late_result_changes_nothing()
 {
    let numbers = filled(0..2_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let (late, waits) = std::sync::mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        :block 2 map(move |number| {
            if *number == 1 {
                let _ = waits.lock().unwrap().recv();
            }
        }) with { timeout: Duration::from_millis(5) },
        :drive sink::each(|()| {}),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 1 && counts.acked == 1).await;
    drop(late);
    running.drain(PATIENCE).await.unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (1, 1, 0));
}

#[tokio::test]
async fn a_flat_map_on_a_thread_that_takes_too_long_fails_its_delivery() {
    let numbers = filled(0..2_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let (late, waits) = std::sync::mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        :block 2 flat_map(move |number| {
            if *number == 1 {
                let _ = waits.lock().unwrap().recv();
            }
            [1, 2]
        }) with { timeout: Duration::from_millis(5) },
        :drive sink::each(|_number: i32| {}),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 1 && counts.acked == 1).await;
    drop(late);
    running.drain(PATIENCE).await.unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_tried_again_keeps_its_delivery() {
    let numbers = filled(0..20_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, calls) = (deliveries.stats(), AtomicU32::new(0));
    let seen = Mutex::new(HashSet::new());
    let running = pipeline! {
        [deliveries, queue::nacks(LEASE)]
        :async 4 tap(|number| {
            let (number, call) = (**number, calls.fetch_add(1, Ordering::SeqCst));
            async move { if call % 3 == 0 || number == 3 { Err("not now") } else { Ok(()) } }
        })? with { retry: Retry::exponential(12) },
        :async 2 flat_map(|number| {
            let first = seen.lock().unwrap().insert(*number);
            async move { if first { Err("again") } else { Ok([1, 2]) } }
        })? with { retry: Retry::fixed(3, Duration::from_secs(60)) },
        :drive sink::each(|_number: i32| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 19 && counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(numbers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_from_no_queue_cannot_be_given_back() {
    let failure = pipeline! {
        [0..3, queue::nacks(Duration::ZERO)]
        map(|number| if number == 1 { Err("one") } else { Ok(number) })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap_err();
    let message = "there is no message to give back for the failure `map: one`; `nacks` needs a queue as the input";
    assert!(failure.to_string().contains(message), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_names_the_message_that_its_item_comes_from() {
    let numbers = queue::memory();
    let orders = [1, 2, 3].map(|n: u64| Outgoing::new(n).id(format!("order {n}")));
    numbers.send(orders.into()).await.unwrap();
    let (said, mut heard) = tokio::sync::mpsc::channel(10);
    let deliveries = numbers.clone().deliveries().until_idle();
    pipeline! {
        [deliveries, sink::each(move |failure: Failure| {
            said.try_send(failure.to_string()).unwrap();
            failure.ack();
        })]
        :async 2 map(async |number| not_three(*number))?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap();
    let said = heard.recv().await.unwrap();
    assert_eq!(said, "map: three, at memory/order 3");
}

/// An errors end that takes several at once, and breaks when it gets the first.
struct Breaks;

impl sink::Sink<Failure> for Breaks {
    async fn write(
        &self,
        _failures: Vec<Failure>,
    ) -> Result<sink::Written, sink::SinkError<Failure>> {
        // Until all else of the pipeline has come to its end.
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(sink::SinkError::closed("the disk is gone"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_is_not_acknowledged_when_the_errors_end_breaks_at_the_last_failure() {
    let numbers = filled([1, 2, 3_u64]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let collected: Result<Vec<u64>, _> = pipeline! {
        [deliveries, Breaks]
        1 map(|number| not_three(*number))?,
    }
    .collect()
    .await;
    assert!(matches!(
        collected.unwrap_err().cause(),
        Cause::Stopped(brigade::Stop::ErrorsEnd(_))
    ));
    tokio::time::sleep(LEASE).await;
    assert_eq!(received(&numbers, LEASE).await.len(), 3);
}
