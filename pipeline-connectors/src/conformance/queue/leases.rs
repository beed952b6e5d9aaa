//! Leases: kept, extended, given back, lost.

use std::time::Duration;

use pipeline_runtime::queue::{Queue, Unsettled};
use tokio::time::{Instant, sleep};

use super::support::{Handle, Handles, Text, receipts};

pub(super) async fn an_unsettled_message_comes_again_when_its_lease_ends<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    let first = queue.one.one().await;
    let leased = queue.other.now(1).await;
    assert!(leased.is_empty(), "it is leased, and comes to another");
    let again = queue.other.one().await;
    assert_eq!((again.id, again.body), (first.id, first.body));
    assert_eq!(again.receive_count, 2);
    assert_ne!(again.receipt, first.receipt, "deliveries share a receipt");
}

pub(super) async fn an_extended_lease_keeps_the_message<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    let lease = queue.one.lease();
    let received = [queue.one.one().await];
    for _ in 0..8 {
        queue.one.extended(&received, lease).await;
        queue.other.silent(lease / 4, "its lease is extended").await;
    }
    let begun = Instant::now();
    queue.one.extended(&received, 2 * lease).await;
    let again = queue.other.one().await;
    assert!(
        begun.elapsed() >= 2 * lease,
        "a lease extended by {:?} ended after {:?}",
        2 * lease,
        begun.elapsed()
    );
    queue.other.acked(&[again]).await;
}

pub(super) async fn a_released_message_comes_at_once<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let lease = Duration::from_secs(3600);
    queue.one.put_texts(&["a", "b"]).await;
    let received = queue.one.gather(2).await;
    // So that what brings them back can only be the release.
    queue.one.extended(&received, lease).await;
    queue.one.nacked(&received, Duration::ZERO).await;
    let again = queue.other.gather(2).await;
    queue.other.acked(&again).await;
}

pub(super) async fn a_message_released_with_a_delay_comes_no_sooner<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    let received = [queue.one.one().await];
    queue
        .one
        .extended(&received, Duration::from_secs(3600))
        .await;
    let delay = 2 * queue.one.lease();
    let begun = Instant::now();
    queue.one.nacked(&received, delay).await;
    let again = queue.other.one().await;
    assert!(
        begun.elapsed() >= delay,
        "a message released for {delay:?} later came after {:?}",
        begun.elapsed()
    );
    queue.other.acked(&[again]).await;
}

pub(super) async fn deliveries_are_counted<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    for count in 1..=4 {
        let consumer = if count % 2 == 0 {
            &queue.one
        } else {
            &queue.other
        };
        let received = consumer.one().await;
        assert_eq!(received.receive_count, count, "deliveries are miscounted");
        consumer.nacked(&[received], Duration::ZERO).await;
    }
}

pub(super) async fn a_lost_lease_settles_nothing<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    let lost = receipts(&[queue.one.one().await]);
    sleep(queue.one.lease()).await;
    let held = [queue.other.one().await];
    let lease = Duration::from_secs(3600);
    queue.other.extended(&held, lease).await;
    for unsettled in [
        queue.one.ack(lost.clone()).await,
        queue.one.nack(lost.clone(), Duration::ZERO).await,
        queue.one.extend(lost, Duration::from_secs(1)).await,
    ] {
        let unsettled = unsettled.expect("the batch fails, not its entry");
        let told: Vec<_> = unsettled
            .iter()
            .map(|entry| (entry.index(), entry.is_away()))
            .collect();
        assert_eq!(told, [(0, false)], "a lost lease is told as such");
    }
    queue.one.empty("another holds it").await;
    queue.other.nacked(&held, Duration::ZERO).await;
    let again = queue.other.one().await;
    queue.other.acked(&[again]).await;
}

/// An acknowledgement whose answer was lost is made again: it must not be told from the first.
pub(super) async fn an_ack_that_is_made_again_is_as_good_as_done<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a", "b"]).await;
    let received = queue.one.gather(2).await;
    queue.one.acked(&received).await;
    for consumer in [&queue.one, &queue.other] {
        let again = consumer.ack(receipts(&received)).await;
        let again = again.expect("the batch fails, not its entries");
        assert!(
            again.iter().all(Unsettled::is_gone),
            "a message that is gone is told as another thing: {again:?}"
        );
    }
}

pub(super) async fn what_is_worked_on_is_told_from_what_only_waits<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put_texts(&["a"]).await;
    let next = async |count: u32, begun: u32, why: &str| {
        let received = queue.other.one().await;
        let counts = (received.receive_count, received.begun);
        assert_eq!(counts, (count, begun), "{why}");
        received
    };
    let first = next(1, 0, "it is new").await;
    if !queue.one.tells_begun() {
        queue.other.nacked(&[first], Duration::ZERO).await;
        next(2, 1, "what was delivered may have begun").await;
        return;
    }
    drop(first);
    let waited = next(2, 0, "its lease ended, and nobody had begun").await;
    let given_back = queue.other.give_back(receipts(&[waited])).await;
    let marked = next(2, 0, "it was given back").await;
    for _ in 0..2 {
        let marked = queue
            .other
            .mark_begun(receipts(std::slice::from_ref(&marked)));
        let unsettled = marked.await.expect("it does not mark");
        assert!(unsettled.is_empty(), "not marked: {unsettled:?}");
    }
    let failed = next(3, 1, "its lease ended after it had begun").await;
    queue.other.nacked(&[failed], Duration::ZERO).await;
    let last = next(4, 2, "what fails has begun").await;
    let marked = queue
        .other
        .mark_begun(receipts(std::slice::from_ref(&last)));
    let again = queue.other.give_back(receipts(&[last]));
    for unsettled in [given_back, marked.await, again.await] {
        let unsettled = unsettled.expect("the batch fails, not its entry");
        assert!(unsettled.is_empty(), "not given back: {unsettled:?}");
    }
    let last = next(4, 2, "it was marked, and given back all the same").await;
    queue.other.acked(&[last]).await;
}
