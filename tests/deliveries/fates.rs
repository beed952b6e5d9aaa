//! What becomes of an item becomes of its delivery.

use std::time::Duration;

use brigade::prelude::*;

use crate::fakes::{PATIENCE, until};

#[tokio::test(start_paused = true)]
async fn what_a_sink_has_written_is_acknowledged() {
    let numbers = queue::memory::<u64>();
    for number in 0..1000 {
        numbers.put(number).await;
    }
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        map(|number| *number + 1),
        :async 8 map(|number| async move { number * 2 }),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1000).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
    assert_eq!(stats.snapshot().in_flight, 0);
    let _ = Duration::ZERO;
}
