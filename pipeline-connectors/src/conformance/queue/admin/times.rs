//! What is seen of messages whose work has failed, and of those whose time is over.

use std::time::Duration;

use pipeline_runtime::queue::{Admin, Filter, MessageInfo, Nack, Queue, Received};
use tokio::time::sleep;

use super::support::{HOUR, ids, stats};
use crate::conformance::queue::support::{Handle, Handles, Text, message};

pub(super) async fn what_has_expired_is_counted<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let soon = Duration::from_millis(100);
    let expiring = |text: &str| message(text).id(text).expires(soon);
    let sent = vec![
        expiring("a"),
        expiring("b").group("g"),
        message("c").id("c").group("g").priority(-3).expires(HOUR),
        expiring("d").delay(HOUR),
    ];
    queue.one.put(sent).await;
    sleep(3 * soon).await;
    let counted = stats(&queue.other).await;
    assert_eq!((counted.total(), counted.ready), (1, 1), "what is left");
    assert_eq!(counted.expired, 3, "what has expired");
    let left = queue.other.list(Filter::default(), 10).await;
    let left = left.expect("it lists");
    assert_eq!(ids(&left), ["c"]);
    assert_eq!(left[0].priority, -3);
    let expires = left[0].expires.expect("it expires");
    let after = expires.duration_since(left[0].sent).expect("it is later");
    assert!(after > HOUR / 2 && after < 2 * HOUR, "after {after:?}");
    assert!(queue.other.get("a").await.expect("it shows").is_empty());
    queue.other.acked(&[queue.other.one().await]).await;
    assert_eq!(stats(&queue.one).await.expired, 3, "that stays counted");
}

/// Gives it back, and says why.
async fn failed<Q: Queue<Body: Text>>(queue: &Q, received: &Received<Q::Body>, error: &str) {
    let nack = Nack::new(received.receipt.clone()).error(error);
    let unsettled = queue.nack_failed(vec![nack], Duration::ZERO).await;
    let unsettled = unsettled.expect("it does not take an error");
    assert!(unsettled.is_empty(), "not given back: {unsettled:?}");
}

/// The last error of the message, as it is listed and as it is shown.
async fn last_error<Q: Admin>(queue: &Q) -> Option<String> {
    let mut listed = queue.list(Filter::default(), 1).await.expect("it lists");
    let shown = queue.get("a").await.expect("it shows").remove(0);
    let listed: MessageInfo = listed.remove(0);
    assert_eq!(
        listed.last_error, shown.last_error,
        "it is listed as another"
    );
    shown.last_error
}

pub(super) async fn why_a_message_has_failed_last_is_shown<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    queue.one.put(vec![message("a").id("a")]).await;
    assert_eq!(last_error(&queue.other).await, None, "it has not failed");
    let first = queue.one.one().await;
    failed(&queue.one, &first, "price: no such plüm, it's 'gone'").await;
    let said = last_error(&queue.other).await;
    let said = said.expect("it has failed, and nobody knows why");
    assert_eq!(said, "price: no such plüm, it's 'gone'");
    // A stop is no failure: what is known stays.
    let second = [queue.one.one().await];
    assert_eq!(last_error(&queue.other).await.as_ref(), Some(&said));
    queue.one.nacked(&second, Duration::ZERO).await;
    assert_eq!(last_error(&queue.other).await, Some(said));
    let third = queue.one.one().await;
    failed(&queue.one, &third, &"ü".repeat(2_000)).await;
    let said = last_error(&queue.other).await.expect("it has failed");
    assert_eq!(said, "ü".repeat(Nack::LONGEST / 2), "the last, in part");
    let fourth = queue.one.one().await;
    failed(&queue.one, &fourth, "a NUL: \0").await;
    let said = last_error(&queue.other).await.expect("it has failed");
    assert!(said.starts_with("a NUL: "), "{said:?}");
    // Who has lost the delivery says nothing of it.
    let stale = Nack::new(first.receipt).error("late");
    let told = queue.one.nack_failed(vec![stale], HOUR).await;
    assert_eq!(told.expect("it answers").len(), 1, "it is told so");
    let kept = last_error(&queue.other).await.expect("it has failed");
    assert_eq!(kept, said, "a delivery that is over has said so");
}
