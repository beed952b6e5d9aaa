//! Messages that are begun too often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Queue, Received};

use crate::fakes::{Counting, LEASE, Letters, Op, PATIENCE, Watched, conserved, filled, until};

/// A worker takes all messages, has begun with these, and dies.
async fn dies(numbers: &impl Queue<Body = u64>, begun: &[u64]) {
    let taken = numbers.receive(100, PATIENCE).await.unwrap();
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
    let numbers = Counting(filled(0..3_u64).await);
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
