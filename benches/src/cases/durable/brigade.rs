//! Our own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::journal::{self, Journal};
use brigade::prelude::*;
use brigade::queue::{self, Ask, Outgoing, Queue, Received};
use futures::stream::{self, Stream, StreamExt as _};
use tokio::task::yield_now;

use super::messages::{body, expected};
use crate::case::Sample;
use crate::place::Place;
use crate::rt::{self, Consumer};

/// How many messages are sent at once.
const SENT: usize = 1000;

/// For how long the queue has to be empty.
const WAIT: Duration = Duration::from_millis(1);

pub(super) fn recorded_in_memory(tasks: u64) -> Sample {
    recorded(tasks, &memory(tasks), journal::memory())
}

pub(super) fn plain_in_memory(tasks: u64) -> Sample {
    plain(tasks, &memory(tasks))
}

pub(super) fn recorded_in_files(tasks: u64) -> Sample {
    let place = Place::new();
    let journal = Sqlite::open(place.file("journal.db"))
        .expect("a fresh file")
        .journal()
        .open();
    recorded(tasks, &file(&place), journal.expect("a fresh file"))
}

pub(super) fn journaled_in_files(tasks: u64) -> Sample {
    let place = Place::new();
    let journal = Sqlite::open(place.file("journal.db"))
        .expect("a fresh file")
        .journal()
        .open();
    let (queue, journal) = (file(&place), journal.expect("a fresh file"));
    measure(tasks, &queue, |sum| {
        pipeline! {
            [queue.clone().deliveries().wait(WAIT).until_idle()]
            journal = journal;
            push_task(message),
            let length = message.len() as u64,
            :async 64 let tens = ten_times(*length).await,
            map(|m| m.tens),
            :drive sink::each(move |tens| add(&sum, tens)),
        }
        .run()
    })
}

pub(super) fn plain_in_files(tasks: u64) -> Sample {
    plain(tasks, &file(&Place::new()))
}

pub(super) fn forgotten_in_memory(tasks: u64) -> Sample {
    let queue = memory(tasks);
    measure(tasks, &queue, |sum| {
        pipeline! {
            [source::stream(forgotten(queue.clone()))]
            push_task(message),
            let length = message.body.len() as u64,
            :async 64 let tens = ten_times(*length).await,
            map(|m| m.tens),
            :drive sink::each(move |tens| add(&sum, tens)),
        }
        .run()
    })
}

pub(super) fn recorded_and_forgotten_in_memory(tasks: u64) -> Sample {
    let queue = memory(tasks);
    let journal = journal::memory();
    measure(tasks, &queue, |sum| {
        pipeline! {
            [source::stream(forgotten(queue.clone()))]
            journal = journal;
            push_task(message, id = |message| Arc::clone(&message.id)),
            let length = message.body.len() as u64 with { once },
            :async 64 let tens = ten_times(*length).await with { once },
            map(|m| m.tens),
            :drive sink::each(move |tens| add(&sum, tens)),
        }
        .run()
    })
}

/// What is received is acknowledged at once, and lost if anything happens to it later.
fn forgotten(queue: queue::Memory<String>) -> impl Stream<Item = Received<String>> {
    let received = stream::unfold(queue, |queue| async move {
        let messages = queue
            .receive(Ask::new(1024, WAIT))
            .await
            .expect("it is in memory");
        let receipts = messages.iter().map(|message| message.receipt.clone());
        let unsettled = queue.ack(receipts.collect()).await;
        assert!(unsettled.expect("it is in memory").is_empty());
        (!messages.is_empty()).then_some((stream::iter(messages), queue))
    });
    received.flatten()
}

fn recorded<Q>(tasks: u64, queue: &Q, journal: impl Journal) -> Sample
where
    Q: Queue<Body = String> + Clone,
{
    measure(tasks, queue, |sum| {
        pipeline! {
            [queue.clone().deliveries().wait(WAIT).until_idle()]
            journal = journal;
            push_task(message),
            let length = message.len() as u64 with { once },
            :async 64 let tens = ten_times(*length).await with { once },
            map(|m| m.tens),
            :drive sink::each(move |tens| add(&sum, tens)),
        }
        .run()
    })
}

fn plain<Q>(tasks: u64, queue: &Q) -> Sample
where
    Q: Queue<Body = String> + Clone,
{
    measure(tasks, queue, |sum| {
        pipeline! {
            [queue.clone().deliveries().wait(WAIT).until_idle()]
            push_task(message),
            let length = message.len() as u64,
            :async 64 let tens = ten_times(*length).await,
            map(|m| m.tens),
            :drive sink::each(move |tens| add(&sum, tens)),
        }
        .run()
    })
}

/// Sends the messages, measures a pipeline of which nothing may be left in the queue, and checks the sum of results.
fn measure<Q, R, T, E>(tasks: u64, queue: &Q, run: impl FnOnce(Arc<AtomicU64>) -> R) -> Sample
where
    Q: Queue<Body = String> + Clone,
    R: Future<Output = Result<T, E>> + Send + 'static,
    E: std::fmt::Debug,
{
    let runtime = rt::runtime(2);
    runtime.block_on(async {
        let mut messages = (0..tasks).map(|number| Outgoing::new(body(number)));
        loop {
            let batch: Vec<_> = messages.by_ref().take(SENT).collect();
            if batch.is_empty() {
                break;
            }
            let unsent = queue.send(batch).await;
            assert!(unsent.expect("the queue is there").is_empty());
        }
    });
    let sum = Arc::<AtomicU64>::default();
    let running = run(Arc::clone(&sum));
    let sample = Consumer::BlockOn.measure_on(&runtime, tasks, async {
        running.await.expect("nothing fails");
    });
    assert_eq!(sum.load(Ordering::SeqCst), expected(tasks));
    let left = runtime.block_on(queue.receive(Ask::new(1, Duration::ZERO)));
    assert!(left.expect("the queue is there").is_empty());
    sample
}

fn memory(tasks: u64) -> queue::Memory<String> {
    queue::memory().capacity(usize::try_from(tasks).expect("they have room in memory"))
}

fn file(place: &Place) -> queue::SqliteQueue {
    let queue = Sqlite::open(place.file("queue.db"))
        .expect("a fresh file")
        .queue("jobs")
        .open();
    queue.expect("a fresh file")
}

async fn ten_times(length: u64) -> u64 {
    yield_now().await;
    10 * length
}

fn add(sum: &AtomicU64, tens: u64) {
    sum.fetch_add(tens, Ordering::Relaxed);
}
