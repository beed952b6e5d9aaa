//! A standby, and what becomes of programs when it takes the place of the server.

use std::sync::atomic::{AtomicBool, Ordering};

use pipeline_connectors::database::{ConnectErrorKind, Postgres};
use test_servers::Cluster;

use crate::kills::works_on_all;
use crate::support::{client, name, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_the_place_of_a_killed_server_has_all_of_3000_messages() {
    let Some(primary) = Cluster::new() else {
        return;
    };
    let Some(standby) = primary.standby() else {
        return;
    };
    // It may be read only, and who wants to work there is told.
    let db = Postgres::connect(standby.url("postgres")).await.unwrap();
    let refused = db.queue::<String>(&name()).open().await.unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::ReadOnly, "{refused}");

    // What is committed is on both.
    let admin = client(&primary.url("postgres")).await;
    let set = "ALTER SYSTEM SET synchronous_standby_names = '*'";
    admin.batch_execute(set).await.unwrap();
    admin
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
    until("the standby follows", async || {
        let follows =
            "SELECT FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'";
        !admin.query(follows, &[]).await.unwrap().is_empty()
    })
    .await;

    let places = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let one = format!("127.0.0.1:{}", primary.port());
    let url = primary.url("postgres").replace(&one, &places);
    let url = format!("{url}?target_session_attrs=read-write");
    let (db, is_over) = (
        Postgres::connect(url).await.unwrap(),
        AtomicBool::new(false),
    );
    works_on_all(&db, async |_| {
        // Relaxed: one task asks, one time after the other.
        if !is_over.swap(true, Ordering::Relaxed) {
            primary.kill();
            standby.promote();
        }
    })
    .await;
}
