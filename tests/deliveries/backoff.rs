//! A message that fails again and again comes ever later: promise 142.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Ask, Backoff, Delivery, Outgoing};
use tokio::time::Instant;

use crate::fakes::{LEASE, PATIENCE, until};

const SECOND: Duration = Duration::from_secs(1);

/// When the calls of each message began.
type Calls = Arc<Mutex<Vec<(u64, Instant)>>>;

fn gaps(calls: &Calls, of: u64) -> Vec<Duration> {
    let calls = calls.lock().unwrap();
    let calls = calls.iter().filter(|(number, _)| *number == of);
    let times: Vec<_> = calls.map(|(_, at)| *at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_comes_later_each_time_up_to_the_longest_delay_and_others_are_not_held_up() {
    let numbers = queue::memory::<u64>().lease(LEASE);
    numbers
        .send(vec![Outgoing::new(0), Outgoing::new(1)])
        .await
        .unwrap();
    let deliveries = numbers.clone().deliveries();
    let (stats, calls) = (deliveries.stats(), Calls::default());
    let called = Arc::clone(&calls);
    let backoff = Backoff::exponential()
        .min_delay(4 * SECOND)
        .max_delay(30 * SECOND);
    let running = pipeline! {
        [deliveries, queue::nacks(backoff)]
        map(|number| {
            called.lock().unwrap().push((*number, Instant::now()));
            if *number == 0 { Err(std::fmt::Error) } else { Ok(()) }
        })?,
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 6).await;
    assert_eq!(stats.snapshot().acked, 1);
    running.drain(PATIENCE).await.unwrap();
    let gaps = gaps(&calls, 0);
    for (gap, longest) in gaps.iter().zip([4, 8, 16, 30, 30]) {
        let longest = longest * SECOND;
        let late = Duration::from_millis(10);
        assert!(*gap >= longest / 2 && *gap <= longest + late, "{gaps:?}");
    }
    assert_eq!(gaps.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn of_messages_that_fail_together_the_one_that_failed_most_says_when() {
    let numbers = queue::memory::<u64>().lease(LEASE);
    numbers.send(vec![Outgoing::new(0)]).await.unwrap();
    // It was worked on three times before.
    for _ in 0..3 {
        let received = numbers.receive(Ask::new(1, Duration::ZERO)).await.unwrap();
        let receipts = received.into_iter().map(|message| message.receipt);
        let nacked = numbers.nack(receipts.collect(), Duration::ZERO).await;
        assert!(nacked.unwrap().is_empty());
    }
    numbers.send(vec![Outgoing::new(1)]).await.unwrap();
    let deliveries = numbers.clone().deliveries();
    let (stats, calls) = (deliveries.stats(), Calls::default());
    let called = Arc::clone(&calls);
    let running = pipeline! {
        [deliveries, queue::nacks(Backoff::exponential())]
        batch(2, SECOND),
        map(|pair: Vec<Delivery<u64>>| {
            let mut calls = called.lock().unwrap();
            calls.extend(pair.iter().map(|number| (**number, Instant::now())));
            if calls.len() == 2 { Err(std::fmt::Error) } else { Ok(()) }
        })?,
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 2 && counts.acked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    for number in [0, 1] {
        let gaps = gaps(&calls, number);
        assert!(
            gaps[0] >= 4 * SECOND && gaps[0] <= 9 * SECOND,
            "{number}: {gaps:?}"
        );
    }
}
