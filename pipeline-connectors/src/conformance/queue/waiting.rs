//! Long polls.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join;
use pipeline_runtime::queue::Queue;
use tokio::time::{Instant, sleep, timeout};

use super::support::{Handle, Handles, Text, in_time};

pub(super) async fn a_waiting_receive_wakes_up_when_a_message_is_sent<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let long = Duration::from_secs(20);
    let waiting = queue.one.within(1, long);
    let sending = async {
        sleep(Duration::from_millis(200)).await;
        queue.other.put_texts(&["a"]).await;
        Instant::now()
    };
    let (received, sent) = join(waiting, sending).await;
    assert_eq!(received.len(), 1, "it waits {long:?} beside a message");
    assert!(
        sent.elapsed() < long / 2,
        "it came only {:?} after it was sent",
        sent.elapsed()
    );
    queue.one.acked(&received).await;
}

pub(super) async fn a_receive_waits_when_there_is_nothing<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let wait = Duration::from_secs(1);
    let begun = Instant::now();
    let received = in_time("the end of a wait", queue.one.within(1, wait)).await;
    assert!(received.is_empty());
    // Servers round.
    assert!(
        begun.elapsed() >= wait * 9 / 10,
        "it was to wait for {wait:?} and waited for {:?}",
        begun.elapsed()
    );
}

pub(super) async fn a_dropped_receive_loses_nothing<Q>(queue: Handles<Q>)
where
    Q: Queue<Body: Text>,
{
    let mut received = HashSet::new();
    let names: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    for (n, name) in names.iter().enumerate() {
        // Some are dropped before, some while, some after the message is leased for them.
        let patience = Duration::from_millis(n as u64);
        let receiving = timeout(patience, queue.one.within(2, Duration::from_secs(1)));
        let (dropped, ()) = join(receiving, queue.other.put_texts(&[name])).await;
        let came = dropped.unwrap_or_default();
        queue.one.acked(&came).await;
        received.extend(came.into_iter().map(|message| message.id));
    }
    let rest = queue.other.gather(names.len() - received.len()).await;
    queue.other.acked(&rest).await;
    received.extend(rest.into_iter().map(|message| message.id));
    assert_eq!(received.len(), names.len(), "some came twice, some never");
    queue.one.empty("all are acknowledged").await;
}
