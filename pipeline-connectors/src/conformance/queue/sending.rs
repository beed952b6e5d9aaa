//! What is sent, and what comes of it.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use pipeline_runtime::queue::{Attributes, Queue};
use tokio::time::Instant;

use super::support::{Handle, Handles, Text, bodies, body, expected, message};

/// How far the clocks of two machines may be apart.
const CLOCKS: Duration = Duration::from_secs(300);

pub(super) async fn what_is_sent_is_delivered_once_and_gone_when_acked<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let sent = SystemTime::now();
    queue.one.put_texts(&["a", "b", "c"]).await;
    let received = queue.other.gather(3).await;
    assert_eq!(bodies(&received), expected::<Q::Body>(["a", "b", "c"]));
    let ids: HashSet<_> = received.iter().map(|message| &message.id).collect();
    assert_eq!(ids.len(), 3, "two messages have one id");
    for message in &received {
        assert_eq!(message.receive_count, 1, "a first delivery is the first");
        let apart = match message.first_seen.duration_since(sent) {
            Ok(later) => later,
            Err(earlier) => earlier.duration(),
        };
        assert!(apart < CLOCKS, "it was not first seen {apart:?} from now");
    }
    queue.other.acked(&received).await;
    queue.one.empty("all are acknowledged").await;
}

pub(super) async fn bodies_arrive_as_they_were_sent<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let large = "0123456789 äöü\n".repeat(10_000);
    let texts = [
        " spaces \t and\r\nlines\n",
        "quotes ' \" ` and \\ and %s {} $1 ?1 <&>",
        "你好, мир, 🦀👩‍👩‍👧‍👦, e\u{301}, \u{202e}right to left",
        "{\"json\":\"[1,2]\"}",
        &large,
    ];
    queue.one.put_texts(&texts).await;
    let received = queue.other.gather(texts.len()).await;
    assert!(
        bodies(&received) == expected::<Q::Body>(texts),
        "a body arrives as another"
    );
    queue.other.acked(&received).await;
}

pub(super) async fn a_name_is_kept_at_every_delivery<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put(vec![message("a").id("order 1/ä")]).await;
    for count in 1..=2 {
        let received = queue.other.one().await;
        assert_eq!(&*received.id, "order 1/ä", "at delivery {count}");
        queue.other.nacked(&[received], Duration::ZERO).await;
    }
}

pub(super) async fn attributes_are_kept_at_every_delivery<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let given = Attributes::from([("tenant", "ä7 \"x\""), ("trace.parent-1", "00-4bf9-01")]);
    let mut with = message("a");
    with.attributes = given.clone();
    queue.one.put(vec![with, message("b")]).await;
    for count in 1..=2 {
        for received in queue.other.gather(2).await {
            let expected = if received.body == body("a") {
                given.clone()
            } else {
                Attributes::new()
            };
            assert_eq!(received.attributes, expected, "at delivery {count}");
            queue.other.nacked(&[received], Duration::ZERO).await;
        }
    }
}

pub(super) async fn a_name_that_is_queued_is_not_stored_again<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let twice = vec![
        message("a").id("1"),
        message("b").id("2"),
        message("a").id("1"),
    ];
    queue.one.put(twice.clone()).await;
    queue.other.put(twice).await;
    let received = queue.other.gather(2).await;
    assert_eq!(bodies(&received), expected::<Q::Body>(["a", "b"]));
    queue.one.put(vec![message("a").id("1")]).await;
    queue
        .other
        .silent(Duration::ZERO, "it was a duplicate")
        .await;
    queue.other.acked(&received).await;
    queue.one.empty("duplicates are not stored").await;
}

pub(super) async fn what_is_sent_again_on_purpose_is_stored_beside_the_first<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    queue.one.put(vec![message("a").id("1")]).await;
    let first = queue.other.one().await;
    let again = || vec![message("b").id("1").dedup("1/again")];
    queue.one.put(again()).await;
    queue.other.put(again()).await;
    queue.other.acked(&[first]).await;
    let second = queue.other.one().await;
    assert_eq!(
        bodies(std::slice::from_ref(&second)),
        expected::<Q::Body>(["b"])
    );
    assert_eq!(&*second.id, "1", "the name is the message's own");
    if let Some(number) = &second.number {
        assert_eq!(&**number, "1/again", "its `dedup` is its number");
    }
    queue.one.put(again()).await;
    queue.one.put(vec![message("a").id("1")]).await;
    queue.other.acked(&[second]).await;
    queue.one.empty("it was sent again once").await;
}

pub(super) async fn a_delayed_message_comes_no_sooner<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let delay = Duration::from_secs(2);
    let begun = Instant::now();
    let messages = vec![message("late").delay(delay), message("soon")];
    queue.one.put(messages).await;
    let soon = queue.other.one().await;
    assert_eq!(
        bodies(std::slice::from_ref(&soon)),
        expected::<Q::Body>(["soon"])
    );
    queue.other.acked(&[soon]).await;
    let late = queue.other.one().await;
    assert!(
        begun.elapsed() >= delay,
        "a message delayed by {delay:?} came after {:?}",
        begun.elapsed()
    );
    assert_eq!(late.receive_count, 1, "a delay is no delivery");
    queue.other.acked(&[late]).await;
}
