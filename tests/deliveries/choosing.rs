//! Sources that take some kinds of messages only, and messages that come too late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Admin, Ask, Delivery, Memory, Outgoing, Queue};
use tokio::time::Instant;

use crate::fakes::{LEASE, PATIENCE, Plain};

const SECOND: Duration = Duration::from_secs(1);

/// How many of each kind somebody has seen.
type Seen = Arc<Mutex<BTreeMap<String, usize>>>;

async fn takes(jobs: &Memory<u64>, kinds: &[&str], seen: &Seen) {
    let seen = Arc::clone(seen);
    let deliveries = jobs.clone().deliveries().until_idle().wait(SECOND);
    pipeline! {
        [deliveries.kinds(kinds.iter().copied())]
        :async 4 tap(|job: &Delivery<u64>| {
            let kind = job.kind().unwrap_or("none").to_owned();
            *seen.lock().unwrap().entry(kind).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(10))
        }),
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_pipeline_gets_the_kinds_that_it_asks_for_and_the_rest_is_left() {
    let jobs = queue::memory::<u64>().lease(LEASE);
    let kinds = ["report", "mail", "image", "none"];
    let sent = (0..400_u64).map(|n| {
        let job = Outgoing::new(n);
        match kinds[usize::try_from(n % 4).unwrap()] {
            "none" => job,
            kind => job.kind(kind),
        }
    });
    jobs.send(sent.collect()).await.unwrap();
    let (one, other, all) = (Seen::default(), Seen::default(), Seen::default());
    tokio::join!(
        takes(&jobs, &["report"], &one),
        takes(&jobs, &["mail", "image", "video"], &other),
    );
    assert_eq!(jobs.len(), 100, "what nobody asked for is there");
    takes(&jobs, &[], &all).await;
    assert!(jobs.is_empty());
    let counts = |seen: &Seen| seen.lock().unwrap().clone();
    assert_eq!(counts(&one), BTreeMap::from([("report".into(), 100)]));
    let two = [("image".into(), 100), ("mail".into(), 100)];
    assert_eq!(counts(&other), BTreeMap::from(two));
    assert_eq!(counts(&all), BTreeMap::from([("none".into(), 100)]));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_asked_for_kinds_ends_the_source_with_what_to_do() {
    let plain = Plain(queue::memory());
    plain
        .0
        .send(vec![Outgoing::new(1).kind("mail")])
        .await
        .unwrap();
    let deliveries = plain.deliveries().kinds(["report"]);
    let begun = Instant::now();
    let ended = pipeline! { [deliveries] :drive sink::discard() }
        .run()
        .await;
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("cannot be asked for some kinds"), "{said}");
    assert!(said.contains("`match`"), "{said}");
    assert!(begun.elapsed() < SECOND, "it was tried again");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_has_room_when_a_message_expires() {
    let jobs = queue::memory::<u64>().capacity(1);
    jobs.send(vec![Outgoing::new(1).expires(5 * SECOND)])
        .await
        .unwrap();
    let begun = Instant::now();
    tokio::time::timeout(PATIENCE, jobs.put(2)).await.unwrap();
    assert_eq!(begun.elapsed(), 5 * SECOND);
    let received = jobs.receive(Ask::new(2, Duration::ZERO)).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, 2);
    assert_eq!(jobs.stats().await.unwrap().expired, 1);
}
