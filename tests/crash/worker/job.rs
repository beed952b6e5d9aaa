//! What a worker does with a message, wherever that comes from.

use std::sync::Arc;
use std::time::Duration;

use brigade::journal::Journal;
use brigade::link;
use brigade::prelude::*;
use brigade::queue::{DeadLetters, Deliveries, Delivery, Queue};
use brigade::sink::Sink;

use crate::notes::Notes;

/// No message does any harm, so none may be taken for one that does. A worker is killed or stopped with the same message
/// up to six times in a story: from half of this on it is worked on alone, which so happens too, and so often never.
const POISON: u32 = 12;

/// A row for each message, by two stages that are recorded.
pub(super) async fn work(
    queue: impl Queue<Body = String>,
    journal: impl Journal,
    letters: impl DeadLetters + Clone,
    notes: Arc<Notes>,
    rows: impl Sink<Vec<(u32,)>>,
) -> String {
    let deliveries = deliveries(queue, &letters);
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters)]
        journal = journal;
        use notes;
        tap(|message| notes.begin(message)),
        push_task(message),
        let number = message.parse::<u32>()?,
        :block 2 let first = { notes.call(message, "first"); slowly(*number) } with { once },
        :async 8 let second = {
            notes.call(message, "second");
            tokio::time::sleep(Duration::from_millis(u64::from(*first % 8))).await;
            *first
        } with { once },
        map(|m| (m.second,)),
        batch(16, Duration::from_millis(20)),
        :drive rows,
    };
    match running.run().await {
        Ok(report) => panic!("it has ended: {report}"),
        Err(failure) => failure.to_string(),
    }
}

/// The same as two pipelines: what the first has recorded goes on in the second.
pub(super) async fn work_linked(
    queue: impl Queue<Body = String>,
    journal: impl Journal + Clone,
    letters: impl DeadLetters + Clone,
    notes: Arc<Notes>,
    rows: impl Sink<Vec<(u32,)>>,
) -> String {
    let (handed, then) = (link::<(Delivery<String>, u32)>(8), Arc::clone(&notes));
    let first = pipeline! {
        [deliveries(queue, &letters), queue::dead_letters(letters.clone())]
        journal = journal.clone();
        use notes;
        tap(|message| notes.begin(message)),
        push_task(message),
        let number = message.parse::<u32>()?,
        :block 2 let first = { notes.call(message, "first"); slowly(*number) } with { once },
        map(|m| (m.message, m.first)),
        :drive handed.sink(),
    };
    let second = pipeline! {
        [handed.input(), queue::dead_letters(letters)]
        journal = journal;
        use notes = then;
        push_task(given, id = |given| given.0.id().to_string()),
        :async 8 let second = {
            notes.call(&given.0, "second");
            tokio::time::sleep(Duration::from_millis(u64::from(given.1 % 8))).await;
            given.1
        } with { once },
        map(|m| (m.second,)),
        batch(16, Duration::from_millis(20)),
        :drive rows,
    };
    let (first, second) = tokio::join!(first.run(), second.run());
    format!("{first:?}, {second:?}")
}

/// The deliveries of a queue, of which no message is to be buried.
fn deliveries<Q: Queue<Body = String>>(
    queue: Q,
    letters: &(impl DeadLetters + Clone),
) -> Deliveries<Q> {
    queue
        .deliveries()
        .prefetch(64)
        .wait(Duration::from_secs(1))
        .poison(POISON, letters.clone())
}

fn slowly(number: u32) -> u32 {
    std::thread::sleep(Duration::from_millis(u64::from(number % 5)));
    number
}
