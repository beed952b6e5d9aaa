//! Queues, tables, rows, journals and letters in PostgreSQL, against a server that is started here.

#![cfg(feature = "postgres")]

#[cfg(feature = "service")]
mod broadcast;
mod connecting;
#[cfg(feature = "service")]
mod control;
mod cut_off;
#[cfg(feature = "postgres-tls")]
mod encrypted;
#[cfg(feature = "service")]
mod fenced;
#[cfg(all(unix, feature = "service"))]
mod fenced_killed;
mod groups;
#[path = "../../../tests/support/heard.rs"]
mod heard;
#[cfg(all(unix, feature = "service"))]
mod held_up;
mod holder;
#[cfg(feature = "service")]
#[path = "../common/instances.rs"]
mod instances;
#[cfg(feature = "journal")]
mod journal;
mod kills;
#[cfg(all(unix, feature = "service"))]
mod leading_hosts;
#[cfg(feature = "service")]
mod leases;
mod letters;
mod load;
mod passwords;
mod plain_sql;
mod pooled;
mod rows;
mod rows_property;
mod sending;
#[cfg(feature = "journal")]
mod settled;
#[path = "../common/small_disk.rs"]
mod small_disk;
mod standby;
mod support;
mod table;
#[cfg(feature = "service")]
#[path = "../common/heard.rs"]
mod told;
#[path = "../common/traced.rs"]
mod traced;
mod unfit;

use pipeline_connectors::conformance;
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;

use support::{database, name, open, pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_in_postgres_is_what_a_queue_promises() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (one, other) = (database(server).await, database(server).await);
    conformance::queue(async || pair::<String>(&one, &other).await, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_in_postgres_is_what_its_operator_needs() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (one, other) = (database(server).await, database(server).await);
    conformance::admin(async || pair::<String>(&one, &other).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_bytes_is_what_a_queue_promises_without_notifications_as_well() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let polling = async || {
        let db = Postgres::at(server.url("postgres")).poll_only();
        db.connect().await.unwrap()
    };
    let (one, other) = (polling().await, polling().await);
    conformance::queue(async || pair::<Vec<u8>>(&one, &other).await, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_to_what_is_sent_for_a_message() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let db = database(server).await;
    let (one, other) = (open(&db, &name()).await, open(&db, &name()).await);
    traced::a_trace_goes_on::<PostgresQueue>(&one, &other).await;
}
