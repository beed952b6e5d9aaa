//! Servers and connections that are killed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Admin as _, Delivery, DeliveryStats};
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;
use test_servers::Cluster;

use crate::support::{client, database, message, name, open, put, until};

/// How many messages there are.
const COUNT: usize = 3_000;

type Seen = Arc<Mutex<HashMap<String, usize>>>;

async fn filled(db: &Postgres) -> PostgresQueue {
    let queue = open(db, &name()).await;
    let messages = (0..COUNT).map(|n| message(&n.to_string()).id(n.to_string()));
    put(&queue, messages.collect()).await;
    queue
}

/// Works on all that comes, and notes how often each has come.
fn consume(queue: &PostgresQueue, seen: &Seen) -> (brigade::Running<()>, DeliveryStats) {
    let deliveries = queue.clone().deliveries().wait(Duration::from_secs(1));
    let (stats, seen) = (deliveries.stats(), Arc::clone(seen));
    let running = pipeline! {
        [deliveries]
        :async 16 map(|delivery: Delivery<String>| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            delivery.to_string()
        }),
        :drive sink::each(move |body| { *seen.lock().unwrap().entry(body).or_default() += 1; }),
    }
    .spawn();
    (running, stats)
}

/// All are worked on while `disturb` is called, some time after each of these counts.
pub(crate) async fn works_on_all(db: &Postgres, disturb: impl AsyncFn(&DeliveryStats)) {
    let queue = filled(db).await;
    let seen = Seen::default();
    let (running, stats) = consume(&queue, &seen);
    for count in [300, 1_000, 2_000] {
        until("it is worked on", async || {
            seen.lock().unwrap().len() >= count
        })
        .await;
        disturb(&stats).await;
    }
    until("all are seen", async || seen.lock().unwrap().len() == COUNT).await;
    until("nothing is left", async || {
        queue.stats().await.is_ok_and(|stats| stats.total() == 0)
    })
    .await;
    running.drain(Duration::from_secs(30)).await.unwrap();
    let told = stats.snapshot();
    assert_eq!(told.dead, 0, "{told:?}");
    assert_eq!(told.in_flight, 0, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_3000_messages_loses_none() {
    let Some(server) = Cluster::new() else { return };
    works_on_all(&database(&server).await, async |_| {
        server.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_started_anew_under_3000_messages_loses_none() {
    let Some(server) = Cluster::new() else { return };
    works_on_all(&database(&server).await, async |_| {
        server.stop();
        server.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_ended_under_3000_messages_lose_none() {
    let Some(server) = Cluster::new() else { return };
    let admin = client(&server.url("postgres")).await;
    works_on_all(&database(&server).await, async |_| {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brigade'";
        let ended = admin.query(end, &[]).await.unwrap();
        assert!(!ended.is_empty(), "there is no connection");
    })
    .await;
}
