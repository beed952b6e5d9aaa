//! A queue that is paused.

use std::time::Duration;

use pipeline_runtime::queue::{Admin, Pause, Queue};
use tokio::time::{Instant, sleep};

use super::support::{HOUR, stats};
use crate::conformance::queue::support::{Handle, Handles, Text, in_time, message, receipts};

pub(super) async fn a_paused_queue_gives_nothing_and_loses_nothing<Q>(queue: Handles<Q>)
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

pub(super) async fn a_pause_ends_by_itself<Q>(queue: Handles<Q>)
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

pub(super) async fn a_receive_that_waits_is_held_by_a_pause_and_woken_by_its_end<Q>(
    queue: Handles<Q>,
) where
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

pub(super) async fn what_is_in_hand_is_settled_during_a_pause<Q>(queue: Handles<Q>)
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
