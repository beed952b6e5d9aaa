//! What queues cost the server.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::queue::{Ask, Queue as _};
use test_servers::Cluster;

use crate::support::{client, message, name, new_database, open, put, receipts, until};

async fn count(client: &tokio_postgres::Client, what: &str) -> i64 {
    client.query_one(what, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_waits_for_ten_queues_asks_at_most_twice_a_second() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = new_database(server, "UTF8").await;
    let db = Postgres::connect(server.url(&name)).await.unwrap();
    let mut queues: Vec<PostgresQueue> = Vec::new();
    for n in 0..10 {
        queues.push(open(&db, &n.to_string()).await);
    }
    let outside = client(&server.url("postgres")).await;
    let asks = "SELECT pid, query_start FROM pg_stat_activity
        WHERE application_name = 'brigade' AND datname = $1 AND query_start IS NOT NULL";
    let waits = queues
        .iter()
        .map(|queue| queue.receive(Ask::new(1, Duration::from_secs(8))));
    let waits = futures::future::join_all(waits);
    let looking = async {
        // Each asks once for itself when it begins to wait.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (mut seen, begun) = (HashSet::new(), Instant::now());
        while begun.elapsed() < Duration::from_secs(5) {
            for row in outside.query(asks, &[&name]).await.unwrap() {
                let ask: (i32, SystemTime) = (row.get(0), row.get(1));
                seen.insert(ask);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        seen.len()
    };
    let (_, asked) = tokio::join!(waits, looking);
    // One of each connection was asked before.
    assert!((2..=12).contains(&asked), "{asked} queries in 5 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_extended_without_touching_an_index() {
    let Some(server) = Cluster::new() else { return };
    let db = Postgres::connect(server.url("postgres")).await.unwrap();
    let queue: PostgresQueue = open(&db, &name()).await;
    put(&queue, (0..500).map(|n| message(&n.to_string())).collect()).await;
    let received = queue
        .receive(Ask::new(500, Duration::from_secs(1)))
        .await
        .unwrap();
    assert_eq!(received.len(), 500);
    let outside = client(&server.url("postgres")).await;
    let updates = |what: &str| {
        format!(
            "SELECT {what} FROM pg_stat_user_tables WHERE schemaname = 'brigade' AND relname = 'queue'"
        )
    };
    let (hot, all) = (updates("n_tup_hot_upd"), updates("n_tup_upd"));
    for _ in 0..4 {
        let lease = Duration::from_secs(60);
        assert!(
            queue
                .extend(receipts(&received), lease)
                .await
                .unwrap()
                .is_empty()
        );
    }
    drop((queue, db));
    // And the receive itself, which changes what is in indexes. What a connection did is counted when it ends.
    until("all are counted", async || {
        count(&outside, &all).await == 2_500
    })
    .await;
    let hot = count(&outside, &hot).await;
    assert!(
        hot >= 1_900,
        "of 2,000 extensions only {hot} left the indexes alone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_asked_reads_a_whole_table_or_is_compiled() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let db = Postgres::connect(server.url("postgres")).await.unwrap();
    let _: PostgresQueue = open(&db, &name()).await;
    let outside = client(&server.url("postgres")).await;
    let functions = "FROM pg_proc WHERE pronamespace = 'brigade'::regnamespace";
    assert!(count(&outside, &format!("SELECT count(*) {functions}")).await > 10);
    let other = format!(
        "SELECT count(*) {functions} AND NOT coalesce(proconfig @> ARRAY['enable_seqscan=off', 'jit=off'], false)"
    );
    assert_eq!(count(&outside, &other).await, 0);
}
