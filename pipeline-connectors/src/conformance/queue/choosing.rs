//! What is asked for, what is more urgent, and what comes too late.

use std::time::Duration;

use futures::future::join;
use pipeline_runtime::queue::{Ask, Outgoing, Queue, Received};
use tokio::time::{Instant, sleep};

use super::support::{Handle, Handles, Text, bodies, body, expected, in_time, message};

const HOUR: Duration = Duration::from_secs(3600);

fn of<B: Text>(kind: &str, text: &str) -> Outgoing<B> {
    message(text).kind(kind)
}

async fn ask<Q: Queue<Body: Text>>(
    queue: &Q,
    kinds: &[&str],
    max: usize,
    wait: Duration,
) -> Vec<Received<Q::Body>> {
    let ask = Ask::new(max, wait).kinds(kinds.iter().copied());
    queue.receive(ask).await.expect("it does not receive")
}

/// In their order.
fn texts<B: Text>(received: &[Received<B>]) -> Vec<&B> {
    received.iter().map(|message| &message.body).collect()
}

pub(super) async fn only_the_kinds_that_are_asked_for_come<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let says = queue.one.profile().kinds;
    assert!(says, "its profile says that it cannot be asked for kinds");
    let sent = [
        ("a", "a1"),
        ("b", "b1"),
        ("a", "a2"),
        ("c", "c1"),
        ("b", "b2"),
    ];
    let sent = sent.map(|(kind, text)| of(kind, text)).into_iter();
    let sent = sent.chain([message("none"), of("", "empty"), of("a ' \"%\\", "odd")]);
    queue.one.put(sent.collect()).await;
    assert!(
        ask(&queue.other, &["d", "A"], 10, Duration::ZERO)
            .await
            .is_empty(),
        "a kind comes that nobody asked for"
    );
    for (kinds, found) in [
        (&["a"][..], &["a1", "a2"][..]),
        (&["d", "c", "b", "b"], &["b1", "b2", "c1"]),
        (&[""], &["empty"]),
        (&["a ' \"%\\"], &["odd"]),
    ] {
        let mut received = Vec::new();
        in_time("that all of a kind come", async {
            while received.len() < found.len() {
                received.extend(ask(&queue.other, kinds, 1, Duration::from_secs(1)).await);
            }
        })
        .await;
        assert_eq!(bodies(&received), expected::<Q::Body>(found), "{kinds:?}");
        for message in &received {
            assert!(
                message.kind().is_some_and(|kind| kinds.contains(&kind)),
                "it does not say of what kind it is"
            );
        }
        queue.other.acked(&received).await;
    }
    let rest = queue.one.gather(1).await;
    assert_eq!(bodies(&rest), expected::<Q::Body>(["none"]));
    queue.one.acked(&rest).await;
    queue.one.empty("all are acknowledged").await;
}

pub(super) async fn who_waits_for_a_kind_is_woken_by_it_alone<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let lease = queue.one.lease();
    let wait = 20 * lease;
    let receiving = async {
        let waits = [
            ask(&queue.one, &["a"], 10, wait),
            ask(&queue.other, &["b"], 10, wait),
            ask(&queue.one, &["c"], 10, wait),
        ];
        let received = futures::future::join_all(waits).await;
        (received, Instant::now())
    };
    let sending = async {
        for kind in ["x", "c", "b", "a"] {
            sleep(lease / 4).await;
            queue.other.put(vec![of(kind, kind)]).await;
        }
        Instant::now()
    };
    let both = join(receiving, sending);
    let ((received, when), sent) = in_time("that those who wait are woken", both).await;
    for (received, kind) in received.iter().zip(["a", "b", "c"]) {
        assert_eq!(texts(received), [&body::<Q::Body>(kind)]);
        queue.one.acked(received).await;
    }
    let late = when.saturating_duration_since(sent);
    assert!(
        late < Duration::from_secs(5),
        "it came {late:?} after it was sent"
    );
    let rest = queue.other.gather(1).await;
    queue.other.acked(&rest).await;
}

pub(super) async fn what_is_more_urgent_comes_first<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let urgent = |text, priority| message(text).priority(priority);
    let sent = vec![
        urgent("last", i16::MIN),
        urgent("low", -1),
        message("usual 1"),
        urgent("high 1", 5),
        message("usual 2"),
        urgent("first", i16::MAX),
        urgent("high 2", 5).kind("a"),
    ];
    queue.one.put(sent).await;
    let order = [
        "first", "high 1", "high 2", "usual 1", "usual 2", "low", "last",
    ];
    // One after another, and some at once.
    let mut received = Vec::new();
    for max in [1, 2, 1, 3] {
        let mut some = Vec::new();
        in_time("that they come", async {
            while some.len() < max {
                let count = max - some.len();
                some.extend(queue.other.within(count, Duration::from_secs(1)).await);
            }
        })
        .await;
        received.extend(some);
    }
    let order = order.map(body::<Q::Body>);
    assert_eq!(texts(&received), order.iter().collect::<Vec<_>>());
    // What comes again is as urgent as it was.
    queue.other.nacked(&received, Duration::ZERO).await;
    let again = queue.one.gather_by(3, 1).await;
    assert_eq!(texts(&again[..1]), [&order[0]]);
    assert_eq!(
        bodies(&again),
        expected::<Q::Body>(["first", "high 1", "high 2"])
    );
}

pub(super) async fn of_the_kinds_that_are_asked_for_the_most_urgent_comes_first<Q>(
    queue: Handles<Q>,
) where
    Q: Queue<Body: Text>,
{
    let sent = vec![
        of("a", "a1"),
        of("b", "b1").priority(1),
        of("a", "a2").priority(2),
        of("c", "c1").priority(3),
        of("b", "b2").priority(2),
    ];
    queue.one.put(sent).await;
    let received = ask(&queue.other, &["a", "b"], 3, Duration::from_secs(5)).await;
    let order = ["a2", "b2", "b1"].map(body::<Q::Body>);
    assert_eq!(texts(&received), order.iter().collect::<Vec<_>>());
}

pub(super) async fn a_group_keeps_its_order_whatever_is_urgent<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let of = |text, priority| message(text).group("g").id(text).priority(priority);
    let sent = vec![of("1", 0), of("2", 9), message("alone").priority(5)];
    queue.one.put(sent).await;
    for text in ["alone", "1", "2"] {
        let received = [queue.other.one().await];
        assert_eq!(received[0].body, body(text));
        queue.other.acked(&received).await;
    }
}

pub(super) async fn what_has_expired_does_not_come<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let soon = queue.one.lease() / 4;
    let group = |text: &str| message(text).group("g").id(text);
    let sent = vec![
        message("soon").id("soon").expires(soon),
        message("never"),
        message("late").delay(2 * soon).expires(soon),
        message("in time").expires(HOUR),
        group("first").expires(soon),
        group("second"),
        message("at once").expires(Duration::ZERO),
        message("for ever").expires(Duration::MAX),
    ];
    queue.one.put(sent).await;
    sleep(2 * soon).await;
    let received = queue.other.gather(4).await;
    let kept = ["never", "in time", "second", "for ever"];
    assert_eq!(bodies(&received), expected::<Q::Body>(kept));
    queue.other.acked(&received).await;
    queue.other.empty("it has expired").await;
    // Its name is free again.
    queue.one.put(vec![message("again").id("soon")]).await;
    let again = [queue.other.one().await];
    assert_eq!(again[0].body, body("again"));
    queue.other.acked(&again).await;
}

pub(super) async fn what_is_worked_on_does_not_expire<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let soon = queue.one.lease() / 4;
    let sent = ["done", "given back", "for later", "lost"];
    let sent = sent.map(|text| message(text).id(text).expires(soon));
    queue.one.put(sent.into()).await;
    let received = queue.one.gather(4).await;
    queue.one.extended(&received, queue.one.lease()).await;
    sleep(2 * soon).await;
    assert!(queue.other.now(10).await.is_empty(), "they are leased");
    let one = |text: &str| -> Vec<_> {
        let is_it = |message: &&Received<_>| &*message.id == text;
        received.iter().filter(is_it).cloned().collect()
    };
    queue.one.extended(&one("done"), HOUR).await;
    queue.one.acked(&one("done")).await;
    queue.one.nacked(&one("given back"), Duration::ZERO).await;
    queue.one.nacked(&one("for later"), soon).await;
    queue.other.empty("the others have expired").await;
}

pub(super) async fn a_priority_is_told_at_every_delivery<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let sent = [7, 0, -3, i16::MIN].map(|priority| message("a").priority(priority));
    queue.one.put(sent.to_vec()).await;
    for nth in ["first", "second"] {
        let mut received = queue.other.gather(4).await;
        received.sort_by_key(|message| -i32::from(message.priority));
        let told: Vec<_> = received.iter().map(|message| message.priority).collect();
        assert_eq!(told, [7, 0, -3, i16::MIN], "at the {nth} delivery");
        queue.other.nacked(&received, Duration::ZERO).await;
    }
}
