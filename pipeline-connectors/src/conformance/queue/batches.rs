//! Batches of every size, and those who compete for them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pipeline_runtime::queue::{Queue, Receipt};
use tokio::time::{Instant, sleep};

use super::support::{Handle, Handles, Text, bodies, expected, indexes, message, receipts};

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("message {n}")).collect()
}

pub(super) async fn large_batches_are_split<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let texts = texts(2 * queue.one.profile().settles + 5);
    let messages = texts.iter().map(|text| message(text)).collect();
    queue.one.put(messages).await;
    let received = queue.other.gather(texts.len()).await;
    assert_eq!(bodies(&received), expected::<Q::Body>(&texts));
    let hour = Duration::from_secs(3600);
    queue.other.extended(&received, hour).await;
    queue.other.nacked(&received, Duration::ZERO).await;
    let again = queue.one.gather(texts.len()).await;
    assert_eq!(bodies(&again), expected::<Q::Body>(&texts));
    queue.one.acked(&again).await;
    queue.other.empty("all are acknowledged").await;
}

pub(super) async fn empty_batches_are_harmless<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put(Vec::new()).await;
    queue.one.acked(&[]).await;
    queue.one.nacked(&[], Duration::ZERO).await;
    queue.one.extended(&[], Duration::from_secs(1)).await;
    queue.one.silent(Duration::ZERO, "nothing was sent").await;
}

pub(super) async fn a_receive_brings_at_most_what_was_asked<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a", "b", "c", "d", "e"]).await;
    // That it is no more than 2 at a time is checked in there.
    let received = queue.other.gather_by(5, 2).await;
    queue.other.acked(&received).await;
}

pub(super) async fn an_unknown_receipt_fails_alone<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a", "b"]).await;
    let mut known = receipts(&queue.one.gather(2).await);
    known.insert(1, Receipt(Arc::from("no receipt of yours")));
    let lease = queue.one.lease();
    let extended = queue.one.extend(known.clone(), lease).await;
    let acked = queue.one.ack(known).await;
    for unsettled in [extended, acked] {
        let unsettled = unsettled.expect("the batch fails, not its entry");
        assert_eq!(indexes(&unsettled), [1], "the wrong entries fail");
        assert!(!unsettled[0].is_away(), "trying again would not help");
    }
    queue.other.empty("the others are acknowledged").await;
}

pub(super) async fn competing_consumers_get_each_message_once<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let texts = texts(60);
    let messages = texts.iter().map(|text| message(text)).collect();
    queue.one.put(messages).await;
    let consume = async |queue: &Q, max| {
        let (mut ids, mut late) = (Vec::new(), Vec::new());
        loop {
            let asked = Instant::now();
            let received = queue.within(max, Duration::from_secs(1)).await;
            if received.is_empty() {
                return (ids, late);
            }
            // Lets the others have some too.
            sleep(Duration::from_millis(1)).await;
            queue.acked(&received).await;
            // On a slow machine a lease may be over by then, and somebody else has the message, too.
            let in_time = asked.elapsed() < queue.lease();
            let known = if in_time { &mut ids } else { &mut late };
            known.extend(received.iter().map(|message| Arc::clone(&message.id)));
        }
    };
    let consumers = [
        consume(&queue.one, 1),
        consume(&queue.other, 2),
        consume(&queue.one, 3),
        consume(&queue.other, 4),
    ];
    let (ids, late): (Vec<_>, Vec<_>) = join_all(consumers).await.into_iter().unzip();
    let (ids, late) = (ids.concat(), late.concat());
    let different: HashSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "messages come twice");
    let all: HashSet<_> = ids.iter().chain(&late).collect();
    assert_eq!(all.len(), texts.len(), "messages are lost");
}
