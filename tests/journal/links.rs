//! A task that goes on in another pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::link;
use brigade::prelude::*;
use brigade::queue::Delivery;

use crate::fakes::{Notes, PATIENCE, sent, until};

/// A task is one, whatever pipeline it is in.
#[tokio::test(start_paused = true)]
async fn what_is_recorded_on_both_sides_of_a_link_is_not_run_again() {
    let queue = sent(&[("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]).await;
    let (notes, handed) = (Notes::new(), link::<(Delivery<String>, u64)>(2));
    let (firsts, seconds, tries) = (
        AtomicUsize::new(0),
        Arc::new(AtomicUsize::new(0)),
        AtomicUsize::new(0),
    );
    let called = Arc::clone(&seconds);
    let front = pipeline! {
        [queue.clone().deliveries().until_idle()]
        journal = notes.clone();
        push_task(message),
        :async 1 let tripled = async { firsts.fetch_add(1, SeqCst) as u64 * 3 }.await with { once },
        map(|m| (m.message, m.tripled)),
        :drive handed.sink(),
    };
    let behind = pipeline! {
        [handed.input(), queue::nacks(Duration::from_secs(1))]
        journal = notes.clone();
        push_task(pair, id = |pair| pair.0.id().to_string()),
        :async 1 let more = async { called.fetch_add(1, SeqCst) as u64 + pair.1 }.await with { once },
        let even = if tries.fetch_add(1, SeqCst) % 2 == 0 { Err("not yet") } else { Ok(*more) }?,
        map(|m| m.even),
        :drive sink::discard(),
    };
    let both = async { tokio::join!(front.run(), behind.run()) };
    let (front, behind) = tokio::time::timeout(PATIENCE * 100, both).await.unwrap();
    let (front, behind) = (front.unwrap(), behind.unwrap());
    assert!(behind.stage("even").unwrap().failed > 0, "{behind}");
    assert_eq!(behind.stage("even").unwrap().done, 4, "{behind}");
    assert!(
        front.stage("tripled").unwrap().done > 4,
        "it came again: {front}"
    );
    assert_eq!(seconds.load(SeqCst), 4, "{behind}");
    assert!(queue.is_empty());
    // Of the two records of a task the older one is fenced by then.
    until("both pipelines have finished each task", || {
        notes.finished().len() == 8
    })
    .await;
}
