//! Groups.

use std::time::Duration;

use pipeline_runtime::queue::Queue;

use super::support::{Handle, Handles, Text, bodies, expected, message};

async fn put<Q: Queue<Body: Text>>(queue: &Q, messages: &[(&str, &str)]) {
    let messages = messages
        .iter()
        .map(|(group, text)| message(text).group(*group).id(*text));
    queue.put(messages.collect()).await;
}

pub(super) async fn a_group_is_delivered_in_order_one_at_a_time<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    put(&queue.one, &[("g", "1"), ("g", "2"), ("g", "3")]).await;
    put(&queue.other, &[("g", "4"), ("g", "5")]).await;
    for text in ["1", "2", "3", "4", "5"] {
        let received = queue.one.gather(1).await;
        assert_eq!(bodies(&received), expected::<Q::Body>([text]));
        let more = queue.other.now(10).await;
        assert!(
            more.is_empty(),
            "{more:?} comes beside another of its group"
        );
        assert_eq!(received[0].group.as_deref(), Some("g"), "it has no group");
        queue.one.acked(&received).await;
    }
    queue.one.empty("all are acknowledged").await;
}

pub(super) async fn a_released_message_stays_first_of_its_group<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    put(&queue.one, &[("g", "1"), ("g", "2")]).await;
    for how in [
        "released",
        "released for later",
        "its lease ended",
        "acknowledged",
    ] {
        let received = queue.one.gather(1).await;
        assert_eq!(bodies(&received), expected::<Q::Body>(["1"]), "{how}");
        match how {
            "released" => queue.one.nacked(&received, Duration::ZERO).await,
            "released for later" => queue.one.nacked(&received, Duration::from_secs(1)).await,
            "acknowledged" => queue.one.acked(&received).await,
            _ => {}
        }
    }
    let received = queue.other.gather(1).await;
    assert_eq!(bodies(&received), expected::<Q::Body>(["2"]));
    queue.other.acked(&received).await;
}

pub(super) async fn other_groups_go_on<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    put(&queue.one, &[("a", "a1"), ("a", "a2"), ("b", "b1")]).await;
    queue.one.put(vec![message("alone").id("alone")]).await;
    let first = queue.one.gather(3).await;
    assert_eq!(bodies(&first), expected::<Q::Body>(["a1", "alone", "b1"]));
    put(&queue.one, &[("c", "c1")]).await;
    let second = queue.other.gather(1).await;
    assert_eq!(bodies(&second), expected::<Q::Body>(["c1"]));
    queue.one.acked(&first).await;
    queue.other.acked(&second).await;
    let third = queue.other.gather(1).await;
    assert_eq!(bodies(&third), expected::<Q::Body>(["a2"]));
    queue.other.acked(&third).await;
}
