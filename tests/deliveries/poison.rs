//! Messages that are begun too often.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::Name;
use brigade::prelude::*;
use brigade::queue::{Ask, DeliverySnapshot, Queue, Received};
use tokio::time::Instant;

use crate::fakes::{Fault, LEASE, Letters, Op, PATIENCE, Plain, Watched, conserved, filled, until};

/// A worker takes all messages, has begun with these, and dies.
async fn dies(numbers: &impl Queue<Body = u64>, begun: &[u64]) {
    let taken = numbers.receive(Ask::new(100, PATIENCE)).await.unwrap();
    let had = |message: &&Received<u64>| begun.contains(&message.body);
    let marked = taken
        .iter()
        .filter(had)
        .map(|message| message.receipt.clone());
    numbers.mark_begun(marked.collect()).await.unwrap();
    tokio::time::sleep(LEASE).await;
}

/// The bodies of the messages that a worker with a limit of 3 gives up on.
async fn given_up<Q: Queue<Body = u64>>(numbers: Q, all: u64) -> Vec<String> {
    let letters = Letters::default();
    let deliveries = numbers.deliveries().poison(3, letters.clone());
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
    until(&stats, |counts| counts.acked + counts.dead == all).await;
    running.drain(PATIENCE).await.unwrap();
    let letters = letters.written();
    let original = |letter: &queue::DeadLetter| String::from_utf8(letter.original.clone());
    letters
        .iter()
        .map(|letter| original(letter).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_only_waited_beside_the_one_that_killed_its_process_is_no_poison() {
    let numbers = filled(0..10_u64).await;
    for _ in 0..5 {
        dies(&numbers, &[7]).await;
    }
    assert_eq!(given_up(numbers, 10).await, ["7"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_queue_cannot_tell_each_delivery_counts() {
    let numbers = Plain(filled(0..3_u64).await);
    for _ in 0..3 {
        dies(&numbers, &[]).await;
    }
    assert_eq!(given_up(numbers, 3).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_delivered_before_is_marked_before_a_stage_sees_it() {
    let numbers = Watched::filled([1_u64, 2]).await;
    dies(&numbers.inner, &[]).await;
    numbers.inner.put(3).await;
    let marked = Arc::clone(&numbers);
    let deliveries = Arc::clone(&numbers).deliveries();
    let deliveries = deliveries.poison(3, Letters::default());
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        tap(|number| {
            let marks = marked.calls(Op::Begin).len();
            if number.receive_count() > 1 {
                assert_eq!(marks, usize::try_from(**number).unwrap());
            }
        }),
        :drive queue::acks(),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 3).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_is_marked() {
    let numbers = Watched::filled([1_u64, 2]).await;
    dies(&numbers.inner, &[]).await;
    let deliveries = Arc::clone(&numbers).deliveries();
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive queue::acks() }.spawn();
    until(&stats, |counts| counts.acked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.calls(Op::Begin).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_in_half_of_the_deliveries_is_worked_on_beside_no_other_that_came_before() {
    let numbers = filled(0..6_u64).await;
    for _ in 0..2 {
        dies(&numbers, &[2, 4]).await;
    }
    numbers.put(6).await;
    let (others, beside) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let (others, most) = (Arc::new(others), Arc::clone(&beside));
    let deliveries = numbers.deliveries().poison(4, Letters::default());
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        use others, most;
        :async 7 tap(async |number| {
            let came_before = number.receive_count() > 1;
            if came_before {
                let at_work = others.fetch_add(1, SeqCst);
                if [2, 4].contains(&**number) {
                    assert_eq!(at_work, 0, "{number:?}");
                }
                most.fetch_max(at_work, SeqCst);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            if came_before {
                others.fetch_sub(1, SeqCst);
            }
        }),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 7).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).dead, 0);
    assert_eq!(
        beside.load(SeqCst),
        1,
        "the others are worked on side by side"
    );
}

/// What the queue had been told when a stage began with a message.
#[derive(Debug)]
struct Begun {
    number: u64,
    at: Instant,
    told: DeliverySnapshot,
}

/// Two messages are left, each of which may have killed its process. The queue goes wrong when it is told what became of
/// the one that comes first, which `fails` or is done; what was known of that one when the other one began.
async fn beside_the_next(op: Op, fault: Fault, times: usize, fails: bool) -> [Begun; 2] {
    let numbers = Watched::filled([1_u64, 2]).await;
    for _ in 0..2 {
        dies(&numbers.inner, &[1, 2]).await;
    }
    numbers.fails(op, fault, times);
    let deliveries = Arc::clone(&numbers).deliveries();
    let deliveries = deliveries.poison(4, Letters::default());
    let (stats, begun) = (deliveries.stats(), Arc::new(Mutex::new(Vec::new())));
    let (told, seen) = (stats.clone(), Arc::clone(&begun));
    let running = pipeline! {
        [deliveries, queue::nacks(PATIENCE)]
        map(|number| {
            let mut seen = seen.lock().unwrap();
            seen.push(Begun { number: *number, at: Instant::now(), told: conserved(&told) });
            if fails && seen.len() == 1 { Err("it fails") } else { Ok(()) }
        })?,
        :drive sink::each(|()| {}),
    }
    .spawn();
    // What was lost comes again, and may have begun a third time by now.
    until(&stats, |_told| begun.lock().unwrap().len() >= 2).await;
    let marks = numbers.calls(Op::Begin);
    drop(running.abort().await);
    let mut begun = std::mem::take(&mut *begun.lock().unwrap());
    begun.truncate(2);
    let begun: [Begun; 2] = begun.try_into().expect("two have begun");
    assert_ne!(begun[0].number, begun[1].number);
    // Who waits for its turn is not marked as begun.
    assert_eq!((marks[0].at, marks[1].at), (begun[0].at, begun[1].at));
    begun
}

#[tokio::test(start_paused = true)]
async fn one_under_suspicion_waits_until_the_queue_has_taken_the_ack_of_the_one_before() {
    for (fault, times) in [(Fault::Transient, 3), (Fault::First, 3), (Fault::Panics, 1)] {
        let [_first, next] = beside_the_next(Op::Ack, fault, times, false).await;
        assert_eq!((next.told.acked, next.told.in_flight), (1, 1), "{fault:?}");
        assert_eq!(next.told.retries, times as u64, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_under_suspicion_waits_until_the_queue_has_taken_back_the_one_before() {
    let given_back = Op::Nack(PATIENCE);
    for (fault, times) in [(Fault::Transient, 3), (Fault::First, 3), (Fault::Panics, 1)] {
        let [_first, next] = beside_the_next(given_back, fault, times, true).await;
        assert_eq!((next.told.nacked, next.told.in_flight), (1, 1), "{fault:?}");
        assert_eq!(next.told.retries, times as u64, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_under_suspicion_begins_when_the_one_before_is_lost() {
    for (op, fails) in [(Op::Ack, false), (Op::Nack(PATIENCE), true)] {
        for fault in [Fault::FirstLost, Fault::Fatal] {
            let [first, next] = beside_the_next(op, fault, 1, fails).await;
            assert_eq!((next.told.lost, next.told.in_flight), (1, 1), "{fault:?}");
            assert_eq!(next.at, first.at, "{fault:?}");
        }
        // The queue takes nothing for longer than a lease.
        let [first, next] = beside_the_next(op, Fault::Transient, 100, fails).await;
        assert_eq!((next.told.lost, next.told.in_flight), (1, 1));
        assert!(next.at - first.at >= LEASE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_never_answers_keeps_one_under_suspicion_for_no_longer_than_a_lease() {
    for (op, fails) in [(Op::Ack, false), (Op::Nack(PATIENCE), true)] {
        let [first, next] = beside_the_next(op, Fault::Hangs, 1, fails).await;
        assert_eq!(next.at - first.at, LEASE);
        assert_eq!(next.told.in_flight, 2, "the queue may still answer");
    }
}

/// What waits in an open batch is at work until more comes, and nothing more comes before it is done.
#[tokio::test(start_paused = true)]
async fn messages_under_suspicion_do_not_wait_for_a_batch_that_waits_for_them() {
    let numbers = filled(0..6_u64).await;
    for _ in 0..2 {
        dies(&numbers, &[2, 4]).await;
    }
    let deliveries = numbers.deliveries().poison(4, Letters::default());
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] batch(100), :drive sink::each(|_numbers| {}) }.spawn();
    // The last one waits for more, as in any batch, and the drain lets it go.
    until(&stats, |counts| counts.acked == 5).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(conserved(&stats).acked, 6);
}

/// Nor for what is kept until the input ends.
#[tokio::test(start_paused = true)]
async fn messages_under_suspicion_do_not_wait_for_what_is_collected() {
    let numbers = filled(0..6_u64).await;
    for _ in 0..2 {
        dies(&numbers, &[2, 4]).await;
    }
    let deliveries = numbers.clone().deliveries().until_idle();
    let deliveries = deliveries.poison(4, Letters::default());
    let collecting = pipeline! { [deliveries] map(|number| *number) }.collect();
    let collected: Result<Vec<u64>, _> = tokio::time::timeout(PATIENCE, collecting).await.unwrap();
    assert_eq!(collected.unwrap().len(), 6);
    assert!(numbers.is_empty());
}

/// A store of letters that is never there.
struct Away;

impl queue::DeadLetters for Away {
    fn name(&self) -> Name {
        "away".into()
    }

    async fn write(&self, _letters: Vec<queue::DeadLetter>) -> Result<(), queue::DeadLettersError> {
        Err(queue::DeadLettersError::away("it is away"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_beside_the_letter_of_another_is_given_back_at_a_stop_as_never_begun() {
    let numbers = filled(0..6_u64).await;
    for _ in 0..3 {
        dies(&numbers, &[2]).await;
    }
    for _ in 0..5 {
        let deliveries = numbers.clone().deliveries().poison(3, Away);
        let stats = deliveries.stats();
        let running = pipeline! { [deliveries] :drive sink::each(|_number| {}) }.spawn();
        until(&stats, |counts| counts.received >= 6).await;
        running.drain(PATIENCE).await.unwrap();
    }
    tokio::time::sleep(LEASE).await;
    let begun = numbers.receive(Ask::new(100, PATIENCE)).await.unwrap();
    let begun: Vec<_> = begun.iter().filter(|message| message.begun > 0).collect();
    assert!(begun.iter().all(|message| message.body == 2), "{begun:?}");
}
