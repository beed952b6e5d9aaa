//! What is cancelled, comes at once, or is purged.

use pipeline_runtime::queue::{Admin, Filter, MessageState, Outgoing, Queue, Unsettled};

use super::support::{HOUR, listed, named, one_of_each, stats};
use crate::conformance::queue::support::{Handle, Handles, Text, message, receipts};

pub(super) async fn a_message_that_is_cancelled_never_comes<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let send = async || {
        let delayed = message("c").id("c").delay(queue.one.lease());
        let sent = vec![message("a").id("a"), message("b").id("b"), delayed];
        queue.one.put(sent).await;
    };
    send().await;
    let unknown = queue.other.cancel(named(&["a", "x", "c"])).await;
    assert_eq!(unknown.expect("it cancels"), ["x"]);
    let left = [queue.one.one().await];
    assert_eq!(&*left[0].id, "b");
    queue.one.acked(&left).await;
    queue.one.empty("the others are cancelled").await;
    assert_eq!(stats(&queue.one).await.total(), 0);
    // Their names are free again.
    send().await;
    assert_eq!(
        listed(&queue.other, Filter::default()).await,
        ["a", "b", "c"]
    );
}

pub(super) async fn who_works_on_a_cancelled_message_is_told<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    queue.one.put(vec![message("a").id("a")]).await;
    let received = [queue.one.one().await];
    let cancelled = queue.other.cancel(named(&["a"])).await;
    assert!(cancelled.expect("it cancels").is_empty());
    let lease = queue.one.lease();
    let told = queue.one.extend(receipts(&received), lease).await;
    let told: Vec<_> = told
        .expect("it extends")
        .iter()
        .map(Unsettled::is_gone)
        .collect();
    assert_eq!(told, [true], "its worker is told that it is gone");
    let acked = queue.one.ack(receipts(&received)).await;
    let acked: Vec<_> = acked
        .expect("it acks")
        .iter()
        .map(Unsettled::is_gone)
        .collect();
    assert_eq!(acked, [true], "its acknowledgement is as good as done");
    queue.other.empty("it is cancelled").await;
}

pub(super) async fn a_group_goes_on_behind_a_cancelled_message<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let of = |text: &str| message(text).id(text).group("g");
    queue
        .one
        .put(vec![of("a"), of("b"), of("c"), of("d")])
        .await;
    let first = queue.one.one().await;
    assert_eq!(&*first.id, "a");
    let unknown = queue.other.cancel(named(&["a", "c"])).await;
    assert!(unknown.expect("it cancels").is_empty());
    for expected in ["b", "d"] {
        let next = [queue.other.one().await];
        assert_eq!(&*next[0].id, expected, "the next of its group comes");
        queue.other.acked(&next).await;
    }
}

pub(super) async fn what_is_delayed_comes_when_it_is_retried_now<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    queue.one.put(vec![message("a").id("a")]).await;
    let failed = [queue.one.one().await];
    queue.one.nacked(&failed, HOUR).await;
    queue.one.put(vec![message("c").id("c")]).await;
    let taken = [queue.one.one().await];
    let sent = vec![
        message("b").id("b").delay(HOUR),
        message("d").id("d").delay(HOUR),
        message("e").id("e").group("g").delay(HOUR),
    ];
    queue.one.put(sent).await;
    let retried = queue
        .other
        .retry_now(named(&["a", "b", "c", "e", "x"]))
        .await;
    assert_eq!(
        retried.expect("it retries"),
        ["c", "x"],
        "what was not delayed"
    );
    let came = queue.one.gather(3).await;
    let came: Vec<_> = came.iter().map(|message| &*message.id).collect();
    assert_eq!(came, ["a", "b", "e"]);
    queue.one.acked(&taken).await;
    let delayed = Filter::default().state(MessageState::Delayed);
    assert_eq!(
        listed(&queue.other, delayed).await,
        ["d"],
        "nobody asked for it"
    );
}

pub(super) async fn a_purge_leaves_nothing_and_takes_nothing_that_is_sent_later<Q>(
    queue: Handles<Q>,
) where
    Q: Queue<Body: Text> + Admin,
{
    one_of_each(&queue).await;
    let more: Vec<Outgoing<Q::Body>> = (0..300).map(|n| message(&n.to_string())).collect();
    queue.one.put(more).await;
    assert_eq!(queue.other.purge().await.expect("it purges"), 305);
    assert_eq!(stats(&queue.one).await.total(), 0);
    assert_eq!(queue.other.purge().await.expect("it purges"), 0);
    queue.one.put(vec![message("f").id("f").group("g")]).await;
    let came = [queue.other.one().await];
    assert_eq!(&*came[0].id, "f", "it was sent later");
    queue.other.acked(&came).await;
    queue.one.empty("all is purged").await;
}
