//! Deliveries whose leases are lost: promise 130. The queue takes no extension, as for a worker that was cut off.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{self, DeliverySnapshot};

use crate::fakes::{Fault, Gate, LEASE, Letters, Op, PATIENCE, Watched, until};

/// What was done with which number.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(&'static str, u64)>>>);

impl Diary {
    fn note(&self, what: &'static str, number: u64) {
        self.0.lock().unwrap().push((what, number));
    }

    fn of(&self, what: &str) -> Vec<u64> {
        let notes = self.0.lock().unwrap();
        let same = notes.iter().filter(|(noted, _)| *noted == what);
        same.map(|(_, number)| *number).collect()
    }
}

/// A queue of four numbers that cannot be extended.
async fn cut_off() -> Arc<Watched<u64>> {
    let numbers = Watched::filled(0..4_u64).await;
    numbers.fails(Op::Extend, Fault::Hangs, 100);
    numbers
}

fn every_delivery_was_lost_once(counts: &DeliverySnapshot) {
    assert_eq!((counts.received, counts.acked), (8, 4));
    assert_eq!((counts.nacked, counts.lost, counts.dead), (4, 4, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_not_begun_and_what_is_in_work_then_is_not_written() {
    let numbers = cut_off().await;
    let deliveries = numbers.clone().deliveries().prefetch(4);
    let (stats, gate, diary) = (deliveries.stats(), Gate::closed(), Diary::default());
    let (passing, begun, written) = (gate.clone(), diary.clone(), diary.clone());
    let letters = Letters::default();
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        :async 1 map(async |number| {
            begun.note("begun", *number);
            passing.pass().await;
            *number
        }),
        :drive sink::each(move |number| written.note("written", number)),
    }
    .spawn();
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    assert_eq!(diary.of("begun"), [0]);
    gate.open();
    until(&stats, |counts| counts.acked == 4).await;
    let report = running.drain(PATIENCE).await.unwrap();
    // Of the first deliveries one had begun.
    assert_eq!(diary.of("begun"), [0, 0, 1, 2, 3]);
    assert_eq!(diary.of("written"), [0, 1, 2, 3]);
    every_delivery_was_lost_once(&stats.snapshot());
    assert!(letters.written().is_empty());
    let lost: Vec<u64> = report.rows.iter().map(|row| row.lost).collect();
    assert_eq!(lost.iter().sum::<u64>(), 4, "{report}");
    assert!(report.rows.iter().all(|row| row.failed == 0), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_it_is_lost_makes_no_letter() {
    let numbers = cut_off().await;
    let deliveries = numbers.clone().deliveries().prefetch(4);
    let (stats, gate, diary) = (deliveries.stats(), Gate::closed(), Diary::default());
    let (passing, called) = (gate.clone(), diary.clone());
    let letters = Letters::default();
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        :async 4 map(async |number| {
            called.note("called", *number);
            passing.pass().await;
            let before = called.of("called").iter().filter(|called| **called == *number).count();
            if before == 1 { Err("cut off") } else { Ok(*number) }
        })?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 4).await;
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    gate.open();
    until(&stats, |counts| counts.acked == 4).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(diary.of("called").len(), 8);
    every_delivery_was_lost_once(&stats.snapshot());
    assert!(letters.written().is_empty());
}

/// A pipeline of which one call takes longer than all the leases, on a thread that has all else to do too: as in a process
/// that is stopped there, nothing is extended meanwhile. It has had many quick ones before, and takes many at a time.
macro_rules! begins_none_that_is_lost {
    ($($name:ident: |$deliveries:ident, $begin:ident| $pipeline:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            const COUNT: usize = 500;
            let lease = Duration::from_millis(500);
            let numbers = queue::memory().lease(lease);
            for number in 0..COUNT as u64 {
                numbers.put(number).await;
            }
            let $deliveries = numbers.deliveries().prefetch(COUNT);
            let (stats, diary) = ($deliveries.stats(), Diary::default());
            let begun = diary.clone();
            let $begin = move |number: u64, deliveries: u32| {
                let when = if begun.of("long call").is_empty() { "before" } else { "after" };
                begun.note(if deliveries == 1 { when } else { "again" }, number);
                if number == 250 && deliveries == 1 {
                    begun.note("long call", number);
                    std::thread::sleep(lease * 2);
                }
                number
            };
            let running = $pipeline.spawn();
            until(&stats, |counts| counts.acked == COUNT as u64).await;
            running.drain(PATIENCE).await.unwrap();
            assert_eq!(diary.of("before").len(), 251);
            assert_eq!(diary.of("after"), [] as [u64; 0], "they were lost before they had begun");
        }
    )*};
}

begins_none_that_is_lost! {
    what_is_lost_while_another_call_of_its_chunk_begins_is_not_begun: |deliveries, begin| pipeline! {
        [deliveries]
        :async 500 map(|number| { let number = begin(*number, number.receive_count()); async move { number } }),
        :drive sink::each(|_number| {}),
    };
    what_is_lost_while_a_call_beside_the_source_runs_is_not_begun: |deliveries, begin| pipeline! {
        [deliveries] map(|number| begin(*number, number.receive_count())), :drive sink::each(|_number| {}),
    };
}
