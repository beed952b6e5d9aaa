//! Deliveries that wait for the `rate` of a stage.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue;

use crate::fakes::{Fault, LEASE, Letters, Op, PATIENCE, Watched, conserved, until};

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_while_the_item_waits_for_its_rate() {
    let numbers = Watched::filled(0..5_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        :async 5 map(async |number| *number) with { rate: Rate::per(1, 2 * LEASE) },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    tokio::time::sleep(5 * LEASE).await;
    let counts = conserved(&stats);
    assert_eq!((counts.received, counts.acked, counts.in_flight), (5, 3, 2));
    until(&stats, |counts| counts.acked == 5).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).received, 5);
}

/// Runs pipelines of four numbers, of which one is begun before all are lost.
macro_rules! lost_is_not_begun {
    ($($name:ident: |$input:ident, $call:ident, $rate:ident, $letters:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let numbers = Watched::filled(0..4_u64).await;
            numbers.fails(Op::Extend, Fault::Hangs, 100);
            let $input = numbers.clone().deliveries().prefetch(4);
            let (stats, begun) = ($input.stats(), Arc::<Mutex<Vec<(u64, u32)>>>::default());
            let ($letters, noting) = (Letters::default(), Arc::clone(&begun));
            let $call = move |number: u64, deliveries: u32| {
                noting.lock().unwrap().push((number, deliveries));
                number
            };
            let rate = Rate::per(1, 2 * LEASE);
            let ($rate, letters) = (rate.clone(), $letters.clone());
            let running = $pipeline.spawn();
            tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
            numbers.recovers();
            rate.set(Rate::per_second(100)).unwrap();
            until(&stats, |counts| counts.acked == 4).await;
            let report = running.drain(PATIENCE).await.unwrap();
            assert_eq!(*begun.lock().unwrap(), [(0, 1), (1, 2), (2, 2), (3, 2)]);
            assert_eq!(stats.snapshot().lost, 3);
            assert!(letters.written().is_empty());
            assert_eq!(report.rows.iter().map(|row| row.lost).sum::<u64>(), 3, "{report}");
            assert!(report.conserved(), "{report}");
        }
    )*};
}

lost_is_not_begun! {
    a_future_is_not_begun_for_what_was_lost_while_it_waited: |input, call, rate, letters| pipeline! {
        [input, queue::dead_letters(letters)]
        :async 4 map(async |number| call(*number, number.receive_count())) with { rate: rate },
        :drive sink::each(|_number| {}),
    };
    a_call_is_not_made_for_what_was_lost_while_it_waited: |input, call, rate, letters| pipeline! {
        [input, queue::dead_letters(letters)]
        4 map(move |number| call(*number, number.receive_count())) with { rate: rate },
        :drive sink::each(|_number| {}),
    };
}
