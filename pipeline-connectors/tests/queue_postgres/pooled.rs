//! Behind a pooler that hands out a connection of the server for each transaction.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Admin as _, Delivery};
use pipeline_connectors::conformance;
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;
use test_servers::{Cluster, Pooler};

use crate::kills::works_on_all;
use crate::support::{client, message, name, open, pair, put, until};

async fn pooled(pooler: &Pooler) -> Postgres {
    let db = Postgres::at(pooler.url("postgres")).poll_only();
    db.connect().await.unwrap()
}

/// What a pooler may do to those behind it: it holds all of them, or is killed.
async fn disturb(pooler: &Pooler, kills: bool) {
    if kills {
        pooler.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        return pooler.resume();
    }
    let console = client(&pooler.url("pgbouncer")).await;
    console.simple_query("PAUSE").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    console.simple_query("RESUME").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_behind_a_pooler_is_what_a_queue_promises() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let Some(pooler) = server.pooler() else {
        return;
    };
    let (one, other) = (pooled(&pooler).await, pooled(&pooler).await);
    conformance::queue(async || pair::<String>(&one, &other).await, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_paused_or_killed_under_3000_messages_loses_none() {
    for kills in [false, true] {
        let Some(server) = Cluster::new() else { return };
        let Some(pooler) = server.pooler() else {
            return;
        };
        let db = pooled(&pooler).await;
        works_on_all(&db, async |_| disturb(&pooler, kills).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_settle_are_there_once_whatever_happens_to_the_pooler() {
    const COUNT: usize = 2_000;
    let Some(server) = Cluster::new() else { return };
    let Some(pooler) = server.pooler() else {
        return;
    };
    let (db, name) = (pooled(&pooler).await, name());
    let queue: PostgresQueue = open(&db, &name).await;
    let table = db.table(&name).column("text", "text NOT NULL");
    let table = table.create().open().await.unwrap();
    let messages = (0..COUNT).map(|n| message(&n.to_string()).id(n.to_string()));
    put(&queue, messages.collect()).await;
    let running = pipeline! {
        [queue.clone().deliveries().wait(Duration::from_secs(1)).prefetch(20)]
        :async 8 map(|delivery: Delivery<String>| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            (delivery.to_string(),)
        }),
        :drive queue.settling(&table).unwrap(),
    }
    .spawn();
    // Past the pooler.
    let outside = client(&server.url("postgres")).await;
    let rows = async |what: &str| {
        let sql = format!("SELECT count({what} text) FROM \"{name}\"");
        let count: i64 = outside.query_one(&sql, &[]).await.unwrap().get(0);
        usize::try_from(count).unwrap()
    };
    for (count, kills) in [(200, false), (600, true), (1_000, false), (1_400, true)] {
        until("rows are written", async || rows("").await >= count).await;
        disturb(&pooler, kills).await;
    }
    until("all are written", async || rows("DISTINCT").await == COUNT).await;
    until("nothing is left", async || {
        queue.stats().await.is_ok_and(|stats| stats.total() == 0)
    })
    .await;
    running.drain(Duration::from_secs(30)).await.unwrap();
    assert_eq!(rows("").await, COUNT, "some are there twice");
}
