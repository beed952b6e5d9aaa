//! What SQS can do for an operator, and what it says of the rest.

use std::time::Duration;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{Admin as _, Filter, Outgoing, Pause, Queue as _};

use crate::{client, message, new, receive};

#[tokio::test]
async fn messages_are_counted_and_purged_and_the_rest_is_told_as_a_lack() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    let late = Outgoing::new("late".to_owned()).delay(Duration::from_secs(600));
    let sent = vec![message("a"), message("b"), message("c"), late];
    assert!(queue.send(sent).await.unwrap().is_empty());
    assert_eq!(receive(&queue, 1).await.len(), 1);
    let stats = queue.stats().await.unwrap();
    let counts = (stats.ready, stats.delayed, stats.taken, stats.behind);
    assert_eq!(counts, (2, 1, 1, 0));
    assert_eq!((stats.oldest, stats.paused), (None, None));
    assert_eq!(queue.purge().await.unwrap(), 4);
    assert_eq!(queue.stats().await.unwrap().total(), 0);
    assert!(receive(&queue, 1).await.is_empty());

    let ids = || vec!["a".to_owned()];
    for (refused, why) in [
        (
            queue.list(Filter::default(), 1).await.map(drop),
            "cannot list",
        ),
        (queue.get("a").await.map(drop), "cannot look at a message"),
        (
            queue.cancel(ids()).await.map(drop),
            "cannot remove a message",
        ),
        (queue.retry_now(ids()).await.map(drop), "cannot end a delay"),
        (queue.pause(Pause::UntilResumed).await, "cannot pause"),
        (queue.resume().await, "cannot pause"),
    ] {
        let error = refused.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(why), "{error}");
    }
}
