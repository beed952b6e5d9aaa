//! Deliveries whose leases are lost: promise 130. The queue takes no extension, as for a worker that was cut off.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue::{self, Delivery, DeliverySnapshot};
use futures::FutureExt as _;
use tokio::runtime::Handle;

use crate::fakes::{Fault, Gate, LEASE, Letters, Op, PATIENCE, Watched, conserved, until};

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
async fn what_is_lost_while_it_waits_for_its_key_is_not_begun() {
    let numbers = cut_off().await;
    let deliveries = numbers.clone().deliveries().prefetch(4);
    let (stats, gate, diary) = (deliveries.stats(), Gate::closed(), Diary::default());
    let (passing, begun, written) = (gate.clone(), diary.clone(), diary.clone());
    let running = pipeline! {
        [deliveries]
        // 0 has the key that 2 waits for, and 1 that of 3.
        :async 4 map(async |number| {
            begun.note("begun", *number);
            passing.pass().await;
            *number
        }) with { name: "keyed", by: |number| **number % 2 },
        :drive sink::each(move |number| written.note("written", number)),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 4).await;
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    assert_eq!(diary.of("begun"), [0, 1]);
    gate.open();
    until(&stats, |counts| counts.acked == 4).await;
    let report = running.drain(PATIENCE).await.unwrap();
    let mut all = diary.of("begun");
    all.sort_unstable();
    assert_eq!(
        all,
        [0, 0, 1, 1, 2, 3],
        "2 and 3 were not begun while they were lost"
    );
    let mut all = diary.of("written");
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    every_delivery_was_lost_once(&stats.snapshot());
    assert_eq!(report.stage("keyed").unwrap().lost, 2, "{report}");
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

/// Runs pipelines of four numbers whose first calls fail, and are to be made again when their leases are over.
macro_rules! lost_is_not_tried_again {
    ($($name:ident: |$input:ident, $call:ident, $retry:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let $input = cut_off().await.deliveries().prefetch(4);
            let (stats, diary) = ($input.stats(), Diary::default());
            let called = diary.clone();
            let $call = move |number: u64| {
                called.note("called", number);
                let calls = called.of("called");
                let before = calls.iter().filter(|called| **called == number).count();
                if before == 1 { Err("not yet") } else { Ok(number) }
            };
            let $retry = Retry::fixed(2, LEASE + Duration::from_secs(1));
            let running = $pipeline.spawn();
            until(&stats, |counts| counts.acked == 4).await;
            let report = running.drain(PATIENCE).await.unwrap();
            // Once for each delivery: those of the first were not made again.
            let mut called = diary.of("called");
            called.sort_unstable();
            assert_eq!(called, [0, 0, 1, 1, 2, 2, 3, 3]);
            every_delivery_was_lost_once(&stats.snapshot());
            assert_eq!(report.rows.iter().map(|row| row.lost).sum::<u64>(), 4, "{report}");
            assert!(report.rows.iter().all(|row| row.failed == 0), "{report}");
        }
    )*};
}

lost_is_not_tried_again! {
    a_future_is_not_tried_again_for_what_is_lost: |input, call, retry| pipeline! {
        [input, sink::each(|_failure: Failure<_>| {})]
        use call;
        :async 8 map(async |number| call(*number))? with { retry: retry },
        :drive sink::each(|_number| {}),
    };
    a_call_is_not_made_again_for_what_is_lost: |input, call, retry| pipeline! {
        [input, sink::each(|_failure: Failure<_>| {})]
        8 map(move |number| call(*number))? with { retry: retry },
        :drive sink::each(|_number| {}),
    };
}

/// Calls of which the first takes longer than a lease.
#[derive(Clone)]
struct Work {
    diary: Diary,
    clock: Handle,
}

impl Work {
    fn begin(&self, number: u64) -> u64 {
        let is_first = self.diary.of("begun").is_empty();
        self.diary.note("begun", number);
        if is_first {
            // On whatever thread it is, the clock is that of the runtime.
            let _entered = self.clock.enter();
            let _ = tokio::time::advance(LEASE + Duration::from_secs(1)).now_or_never();
        }
        number
    }
}

/// Waits while the clock goes no faster than that of the threads: no lease ends because a thread is slow.
async fn in_step<F: Future>(work: F) -> F::Output {
    let (mut work, (begun, clock)) = (pin!(work), (Instant::now(), tokio::time::Instant::now()));
    loop {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return done;
        }
        assert!(begun.elapsed() < LEASE, "it never ends");
        if clock.elapsed() < begun.elapsed() {
            tokio::time::advance(Duration::from_millis(1)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

/// Runs pipelines of [`Work`] on four deliveries that are lost in the call of the first of them.
macro_rules! lost_is_not_begun {
    ($($name:ident: |$input:ident, $letters:ident, $work:ident, $written:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let $input = cut_off().await.deliveries().prefetch(4);
            let (stats, diary, $letters) = ($input.stats(), Diary::default(), Letters::default());
            let $work = Work { diary: diary.clone(), clock: Handle::current() };
            let (noting, letters) = (diary.clone(), $letters.clone());
            let $written = sink::each(move |number| noting.note("written", number));
            let running = $pipeline.spawn();
            in_step(async {
                while conserved(&stats).acked < 4 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            let report = in_step(running.drain(PATIENCE)).await.unwrap();
            // Of the first deliveries one had begun.
            let mut begun = diary.of("begun");
            begun.sort_unstable();
            assert_eq!(begun, [0, 0, 1, 2, 3]);
            assert_eq!(diary.of("written"), [0, 1, 2, 3]);
            every_delivery_was_lost_once(&stats.snapshot());
            assert!(letters.written().is_empty());
            assert_eq!(report.rows.iter().map(|row| row.lost).sum::<u64>(), 4, "{report}");
            assert!(report.rows.iter().all(|row| row.failed == 0), "{report}");
        }
    )*};
}

lost_is_not_begun! {
    a_plain_stage_does_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        map(move |number| work.begin(*number)),
        :drive written with { buffer: 1 },
    };
    tasks_do_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        2 map(move |number| work.begin(*number)),
        :drive written,
    };
    a_thread_does_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        :block map(move |number| work.begin(*number)),
        :drive written,
    };
    a_thread_of_the_pool_does_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        :block map(move |number| work.begin(*number)) with { pool },
        :drive written,
    };
    a_flat_map_does_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        1 flat_map(move |number| [work.begin(*number)]),
        :drive written,
    };
    futures_do_not_begin_what_is_lost: |input, letters, work, written| pipeline! {
        [input, queue::dead_letters(letters)]
        :async 1 map(async |number| work.begin(*number)),
        :drive written,
    };
}

/// What is asked for behind the end of the leases is not begun either where no worker is between queue and consumer.
#[tokio::test(start_paused = true)]
async fn a_stream_does_not_begin_what_is_lost() {
    let deliveries = cut_off().await.deliveries().prefetch(4);
    let (stats, diary) = (deliveries.stats(), Diary::default());
    let begun = diary.clone();
    let mut stream = pipeline! {
        [deliveries]
        map(move |number| {
            begun.note("begun", *number);
            *number
        }),
    }
    .stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    for expected in 0..4 {
        assert_eq!(stream.next().await.unwrap().unwrap(), expected);
    }
    assert_eq!(diary.of("begun"), [0, 0, 1, 2, 3]);
    // The first of them was handed on in time.
    assert_eq!(stats.snapshot().lost, 3);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_lost_in_an_open_batch_is_not_handed_on() {
    let numbers = cut_off().await;
    let deliveries = numbers.clone().deliveries().prefetch(100);
    let (stats, diary) = (deliveries.stats(), Diary::default());
    let (written, letters) = (diary.clone(), Letters::default());
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        batch(100, 2 * LEASE),
        :drive sink::each(move |numbers: Vec<Delivery<u64>>| {
            for number in numbers {
                written.note("written", *number);
            }
        }),
    }
    .spawn();
    // The leases that are taken after this are kept.
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    numbers.recovers();
    until(&stats, |counts| counts.acked == 4).await;
    let report = running.drain(PATIENCE).await.unwrap();
    assert_eq!(diary.of("written"), [0, 1, 2, 3]);
    every_delivery_was_lost_once(&stats.snapshot());
    assert!(letters.written().is_empty());
    assert_eq!(report.stage("batch").unwrap().lost, 4, "{report}");
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
