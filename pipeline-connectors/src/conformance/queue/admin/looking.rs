//! How messages are counted, listed and shown.

use std::time::Duration;

use pipeline_runtime::queue::{Admin, Filter, MessageInfo, MessageState, Queue};
use tokio::time::sleep;

use super::support::{HOUR, ids, listed, one_of_each, stats};
use crate::conformance::queue::support::{Handle, Handles, Text, in_time, message};

pub(super) async fn messages_are_counted_by_state<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let none = stats(&queue.other).await;
    assert_eq!((none.total(), none.oldest, none.paused), (0, None, None));
    one_of_each(&queue).await;
    let counted = stats(&queue.other).await;
    let by_state = (
        counted.ready,
        counted.delayed,
        counted.taken,
        counted.behind,
    );
    assert_eq!(by_state, (2, 1, 1, 1), "ready, delayed, taken, behind");
    sleep(Duration::from_millis(300)).await;
    let oldest = stats(&queue.other).await.oldest.expect("there are some");
    assert!(
        oldest >= Duration::from_millis(299),
        "the oldest was sent {oldest:?} ago"
    );
}

pub(super) async fn what_is_past_its_time_has_an_age<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    queue.one.put(vec![message("a"), message("b")]).await;
    let [a, b] = &queue.one.gather(2).await[..] else {
        unreachable!("it is two")
    };
    let short = Duration::from_millis(50);
    queue.one.nacked(std::slice::from_ref(a), short).await;
    queue.one.extended(std::slice::from_ref(b), short).await;
    in_time("both are ready", async {
        while stats(&queue.other).await.ready < 2 {
            sleep(short).await;
        }
    })
    .await;
    let oldest = stats(&queue.other).await.oldest;
    assert!(
        oldest.is_some_and(|age| age >= short),
        "the oldest: {oldest:?}"
    );
}

pub(super) async fn messages_are_listed_in_order_part_after_part<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let sent: Vec<_> = (0..25).map(|n| format!("{n:02}")).collect();
    let messages = sent.iter().map(|id| message(id).id(&**id));
    queue.one.put(messages.collect()).await;
    let (mut all, mut filter) = (Vec::new(), Filter::default());
    loop {
        let part = queue.other.list(filter, 10).await.expect("it lists");
        assert!(part.len() <= 10, "of 10 it lists {}", part.len());
        let Some(last) = part.last() else { break };
        filter = Filter::default().after(last.seq);
        all.extend(part.into_iter().map(|message| message.id));
        assert!(all.len() <= sent.len(), "it lists some twice: {all:?}");
    }
    assert_eq!(all, sent);
    assert!(
        queue
            .other
            .list(Filter::default(), 0)
            .await
            .expect("it lists")
            .is_empty()
    );
}

pub(super) async fn messages_are_listed_by_state_and_group<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    one_of_each(&queue).await;
    let all = Filter::default;
    for (state, expected) in [
        (MessageState::Ready, &["a", "d"][..]),
        (MessageState::Delayed, &["c"]),
        (MessageState::Taken, &["b"]),
        (MessageState::Behind, &["e"]),
    ] {
        let found = listed(&queue.other, all().state(state)).await;
        assert_eq!(found, expected, "{state:?}");
        let none = listed(&queue.other, all().state(state).group("h")).await;
        assert_eq!(none, [""; 0], "{state:?} of another group");
    }
    assert_eq!(listed(&queue.other, all()).await, ["b", "a", "c", "d", "e"]);
    assert_eq!(listed(&queue.other, all().group("g")).await, ["d", "e"]);
    let behind = all().group("g").state(MessageState::Behind);
    assert_eq!(listed(&queue.other, behind).await, ["e"]);
}

pub(super) async fn a_message_is_shown_as_it_is<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let long = "ü".repeat(1_000);
    let sent = message::<Q::Body>(&long).id("a").dedup("once").group("g");
    let sent = sent.attribute("tenant", "ä7");
    let same = message::<Q::Body>("twin")
        .id("a")
        .dedup("twice")
        .delay(HOUR);
    queue.one.put(vec![sent, same, message("no name")]).await;
    let shown = queue.other.get("a").await.expect("it shows it");
    assert_eq!(ids(&shown), ["a", "a"], "both of the id");
    let (first, twin) = (&shown[0], &shown[1]);
    assert_eq!(first.body, long.as_bytes(), "its body is shown as a whole");
    assert_eq!(first.size, 2_000);
    assert_eq!(first.dedup.as_deref(), Some("once"));
    assert_eq!(first.group.as_deref(), Some("g"));
    assert_eq!((first.state, first.due), (MessageState::Ready, None));
    assert_eq!((first.receives, first.begun), (0, 0));
    assert_eq!(first.attributes.get("tenant"), Some("ä7"));
    assert!(twin.attributes.is_empty(), "they are another's");
    assert_eq!(twin.state, MessageState::Delayed);
    let waits = twin.due.expect("it has a time").duration_since(first.sent);
    let waits = waits.expect("it comes later");
    assert!(
        waits > HOUR / 2 && waits < 2 * HOUR,
        "it is due after {waits:?}"
    );
    let listed = queue.other.list(Filter::default(), 1).await;
    let listed = listed.expect("it lists").remove(0);
    let shown = listed.body.len();
    assert!(long.as_bytes().starts_with(&listed.body), "it begins so");
    assert!(
        (MessageInfo::PREVIEW..=4 * MessageInfo::PREVIEW).contains(&shown),
        "of 2,000 bytes {shown} are listed"
    );
    assert_eq!(listed.size, 2_000, "a size is that of the whole body");

    let received = queue.one.gather(2).await;
    let unnamed = received.iter().find(|message| message.group.is_none());
    let unnamed = unnamed.expect("it came");
    let taken = queue.other.get(&unnamed.id).await.expect("it shows it");
    assert_eq!(taken[0].state, MessageState::Taken);
    assert_eq!(
        (taken[0].receives, taken[0].body.as_slice()),
        (1, &b"no name"[..])
    );
    assert!(queue.other.get("b").await.expect("no error").is_empty());
}
