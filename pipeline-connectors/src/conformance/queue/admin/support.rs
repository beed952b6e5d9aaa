//! What these checks share.

use std::time::Duration;

use pipeline_runtime::queue::{Admin, Filter, MessageInfo, Queue, QueueStats};

use crate::conformance::queue::support::{Handle, Handles, Text, message};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Ready: a; taken: b; delayed: c; of a group d, which is ready, and e, which is behind.
pub(super) async fn one_of_each<Q: Queue<Body: Text> + Admin>(queue: &Handles<Q>) {
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

pub(super) fn ids(messages: &[MessageInfo]) -> Vec<&str> {
    messages.iter().map(|message| &*message.id).collect()
}

pub(super) async fn listed<Q: Admin>(queue: &Q, filter: Filter) -> Vec<String> {
    let listed = queue.list(filter, 100).await.expect("it does not list");
    listed.into_iter().map(|message| message.id).collect()
}

pub(super) async fn stats<Q: Admin>(queue: &Q) -> QueueStats {
    queue.stats().await.expect("it does not count")
}

pub(super) fn named(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
