//! What an operator may rely on.

use std::fmt::Debug;
use std::time::Duration;

use pipeline_runtime::queue::{
    Admin, Filter, MessageInfo, MessageState, Outgoing, Pause, Queue, QueueStats, Unsettled,
};
use tokio::time::{Instant, sleep};

use super::support::{Handle, Handles, Text, in_time, message, receipts};
use crate::conformance::checks::Checks;

const HOUR: Duration = Duration::from_secs(3600);

/// Checks what an operator asks of a queue: that its messages are counted and listed by state and group, part after part,
/// and shown as they are; that they are cancelled, also under the hands of a worker, who is told; that what is delayed comes
/// when that is asked for; that a purge leaves nothing; and that a pause holds for every handle, and loses nothing.
///
/// `make` is that of [`queue`](super::queue()). All of it is checked at the same time.
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn admin<Q>(make: impl AsyncFn() -> (Q, Q))
where
    Q: Queue<Body: From<String> + Clone + PartialEq + Debug> + Admin,
{
    let mut checks = Checks::default();
    macro_rules! check {
        ($($check:ident;)*) => {$(
            let (one, other) = make().await;
            checks.add(stringify!($check), || $check(Handles { one, other }));
        )*};
    }
    check! {
        messages_are_counted_by_state;
        what_is_past_its_time_has_an_age;
        what_has_expired_is_counted;
        messages_are_listed_in_order_part_after_part;
        messages_are_listed_by_state_and_group;
        a_message_is_shown_as_it_is;
        a_message_that_is_cancelled_never_comes;
        who_works_on_a_cancelled_message_is_told;
        a_group_goes_on_behind_a_cancelled_message;
        what_is_delayed_comes_when_it_is_retried_now;
        a_purge_leaves_nothing_and_takes_nothing_that_is_sent_later;
        a_paused_queue_gives_nothing_and_loses_nothing;
        a_pause_ends_by_itself;
        a_receive_that_waits_is_held_by_a_pause_and_woken_by_its_end;
        what_is_in_hand_is_settled_during_a_pause;
    }
    checks.run().await;
}

/// Ready: a; taken: b; delayed: c; of a group d, which is ready, and e, which is behind.
async fn one_of_each<Q: Queue<Body: Text> + Admin>(queue: &Handles<Q>) {
    queue.one.put(vec![message("b").id("b")]).await;
    let taken = [queue.one.one().await];
    queue.one.extended(&taken, HOUR).await;
    let group = |text| message(text).id(text).group("g");
    let sent = vec![
        message("a").id("a"),
        message("c").id("c").delay(HOUR),
        group("d"),
        group("e"),
    ];
    queue.one.put(sent).await;
}

fn ids(messages: &[MessageInfo]) -> Vec<&str> {
    messages.iter().map(|message| &*message.id).collect()
}

async fn listed<Q: Admin>(queue: &Q, filter: Filter) -> Vec<String> {
    let listed = queue.list(filter, 100).await.expect("it does not list");
    listed.into_iter().map(|message| message.id).collect()
}

async fn stats<Q: Admin>(queue: &Q) -> QueueStats {
    queue.stats().await.expect("it does not count")
}

fn named(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

async fn messages_are_counted_by_state<Q>(queue: Handles<Q>)
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

async fn what_is_past_its_time_has_an_age<Q>(queue: Handles<Q>)
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

async fn what_has_expired_is_counted<Q>(queue: Handles<Q>)
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

async fn messages_are_listed_in_order_part_after_part<Q>(queue: Handles<Q>)
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

async fn messages_are_listed_by_state_and_group<Q>(queue: Handles<Q>)
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

async fn a_message_is_shown_as_it_is<Q>(queue: Handles<Q>)
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

async fn a_message_that_is_cancelled_never_comes<Q>(queue: Handles<Q>)
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

async fn who_works_on_a_cancelled_message_is_told<Q>(queue: Handles<Q>)
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

async fn a_group_goes_on_behind_a_cancelled_message<Q>(queue: Handles<Q>)
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

async fn what_is_delayed_comes_when_it_is_retried_now<Q>(queue: Handles<Q>)
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

async fn a_purge_leaves_nothing_and_takes_nothing_that_is_sent_later<Q>(queue: Handles<Q>)
where
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

async fn a_paused_queue_gives_nothing_and_loses_nothing<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let group = |text| message(text).group("g");
    let delayed = message("c").delay(queue.one.lease() / 2);
    queue.one.put(vec![message("a"), group("b"), delayed]).await;
    let left = queue.one.one().await;
    queue
        .other
        .pause(Pause::UntilResumed)
        .await
        .expect("it pauses");
    queue
        .other
        .pause(Pause::UntilResumed)
        .await
        .expect("and again");
    queue.other.put(vec![message("d"), group("e")]).await;
    // The lease of what was taken ends meanwhile, and the delay.
    for handle in [&queue.one, &queue.other] {
        handle.empty("it is paused").await;
        assert_eq!(stats(handle).await.paused, Some(Pause::UntilResumed));
    }
    assert_eq!(stats(&queue.one).await.total(), 5, "nothing is lost");
    queue.one.resume().await.expect("it resumes");
    queue.other.resume().await.expect("and again");
    assert_eq!(stats(&queue.other).await.paused, None);
    let came = queue.other.gather(4).await;
    assert!(came.iter().any(|message| message.id == left.id));
    queue.other.acked(&came).await;
    queue.other.acked(&[queue.other.one().await]).await;
    queue.one.empty("all of it came").await;
}

async fn a_pause_ends_by_itself<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let time = 2 * queue.one.lease();
    queue.one.put(vec![message("a")]).await;
    let begun = Instant::now();
    queue.one.pause(Pause::For(time)).await.expect("it pauses");
    let Some(Pause::For(left)) = stats(&queue.other).await.paused else {
        panic!("it does not say for how long it is paused");
    };
    assert!(
        left <= time && left > time / 2,
        "of {time:?} there are {left:?} left"
    );
    let came = [queue.other.one().await];
    let waited = begun.elapsed();
    assert!(waited >= time, "a pause of {time:?} ended after {waited:?}");
    assert_eq!(stats(&queue.other).await.paused, None);
    queue.other.acked(&came).await;
}

async fn a_receive_that_waits_is_held_by_a_pause_and_woken_by_its_end<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    let pausing = async {
        sleep(Duration::from_millis(200)).await;
        queue
            .other
            .pause(Pause::UntilResumed)
            .await
            .expect("it pauses");
        queue.other.put(vec![message("a")]).await;
        sleep(queue.one.lease()).await;
        let taken = stats(&queue.other).await;
        assert_eq!(
            (taken.ready, taken.taken),
            (1, 0),
            "it came in spite of the pause"
        );
        queue.other.resume().await.expect("it resumes");
        Instant::now()
    };
    let receiving = async {
        let came = queue.one.within(1, 60 * queue.one.lease()).await;
        (came, Instant::now())
    };
    let both = futures::future::join(receiving, pausing);
    let ((came, when), resumed) = in_time("that a receive wakes up", both).await;
    assert_eq!(came.len(), 1, "the receive ended with nothing");
    let late = when.saturating_duration_since(resumed);
    assert!(
        late < Duration::from_secs(5),
        "it came {late:?} after the pause"
    );
    queue.one.acked(&came).await;
}

async fn what_is_in_hand_is_settled_during_a_pause<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text> + Admin,
{
    queue.one.put_texts(&["a", "b", "c"]).await;
    let received = queue.one.gather(3).await;
    queue
        .other
        .pause(Pause::UntilResumed)
        .await
        .expect("it pauses");
    queue.one.extended(&received, HOUR).await;
    queue.one.acked(&received[..1]).await;
    queue.one.nacked(&received[1..2], Duration::ZERO).await;
    let back = queue.one.give_back(receipts(&received[2..])).await;
    assert!(back.expect("it gives back").is_empty());
    queue
        .one
        .silent(Duration::from_millis(300), "it is paused")
        .await;
    queue.one.resume().await.expect("it resumes");
    let again = queue.other.gather(2).await;
    queue.other.acked(&again).await;
}
