//! Broadcasts in PostgreSQL: programs that hear each other, on any machine.

use std::time::Duration;

use pipeline_connectors::database::Postgres;
use pipeline_service::Broadcast;
use test_servers::Cluster;
use tokio::time::timeout;

use crate::support::{PATIENCE, client, name};
use crate::told::{Event, act, all_is_heard_or_told, told};

/// The name of the test that is the program.
const PROGRAM: &str = "broadcast::program";

async fn open(place: &str) -> Broadcast<Event> {
    let (url, name) = place.split_once(' ').unwrap();
    let db = Postgres::connect(url).await.unwrap();
    let broadcast = db.broadcast(name).capacity(10_000).keep(100_000);
    broadcast.open().await.unwrap()
}

#[tokio::test]
async fn program() {
    if let Some((role, place)) = told() {
        act(&role, open(&place).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_programs_send_over_a_database_all_hear() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let place = format!("{} {}", server.url("postgres"), name());
    let here = open(&place).await;
    all_is_heard_or_told(PROGRAM, &place, here.clone(), async || {}).await;
    assert_eq!(here.lost(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_programs_send_while_connections_end_and_the_server_is_killed_all_hear_once() {
    let Some(server) = Cluster::new() else { return };
    let place = format!("{} {}", server.url("postgres"), name());
    let here = open(&place).await;
    all_is_heard_or_told(PROGRAM, &place, here, async || {
        let admin = client(&server.url("postgres")).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'brigade'";
        for _ in 0..5 {
            admin.query(end, &[]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_finds_no_room_while_the_server_is_away_is_told_by_number() {
    let Some(server) = Cluster::new() else { return };
    let url = server.url("postgres");
    let db = Postgres::connect(&*url).await.unwrap();
    let here: Broadcast<u64> = db.broadcast("n").capacity(10).open().await.unwrap();
    let there = Postgres::connect(&*url).await.unwrap();
    let there: Broadcast<u64> = there.broadcast("n").open().await.unwrap();
    let mut events = there.subscribe();
    server.stop();
    for number in 0..100 {
        here.send(number);
    }
    let lost = here.lost();
    assert_eq!(lost, 90);
    server.resume();
    here.flush().await;
    here.send(100);
    for number in 0..10 {
        assert_eq!(events.next().await.unwrap().unwrap(), number);
    }
    assert_eq!(events.next().await.unwrap().unwrap_err().events(), 90);
    assert_eq!(events.next().await.unwrap().unwrap(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_heard_without_notifications_too() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let url = server.url("postgres");
    let name = name();
    let there = Postgres::at(&*url).poll_only().connect().await.unwrap();
    let there: Broadcast<u64> = there.broadcast(&*name).open().await.unwrap();
    let here = Postgres::connect(&*url).await.unwrap();
    let here: Broadcast<u64> = here.broadcast(&*name).open().await.unwrap();
    let mut events = there.subscribe();
    here.send(1);
    let heard = timeout(PATIENCE, events.next()).await.unwrap();
    assert_eq!(heard.unwrap().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_answer_was_lost_is_added_once() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let url = server.url("postgres");
    let name = name();
    let db = Postgres::connect(&*url).await.unwrap();
    let here: Broadcast<u64> = db.broadcast(&*name).open().await.unwrap();
    let mut events = here.subscribe();
    let admin = client(&url).await;
    let append = async |batch: i64, body: &str| {
        let append = "SELECT brigade.broadcast_append(broadcast, name, 'w', $2, ARRAY[1, 3]::bigint[], ARRAY[$3, NULL], 100)
            FROM brigade.broadcast WHERE name = $1";
        let rows = admin.query(append, &[&name, &batch, &body]).await;
        assert_eq!(rows.unwrap().len(), 1);
    };
    for (batch, body) in [(1, "7"), (1, "7"), (2, "8"), (2, "8"), (1, "7")] {
        append(batch, body).await;
    }
    for event in [7, 8] {
        assert_eq!(events.next().await.unwrap().unwrap(), event);
        assert_eq!(events.next().await.unwrap().unwrap_err().events(), 3);
    }
    here.send(9);
    assert_eq!(events.next().await.unwrap().unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_whose_row_was_removed_goes_on() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (url, name) = (server.url("postgres"), name());
    let db = Postgres::connect(&*url).await.unwrap();
    let here: Broadcast<u64> = db.broadcast(&*name).open().await.unwrap();
    let mut events = here.subscribe();
    here.send(1);
    assert_eq!(events.next().await.unwrap().unwrap(), 1);
    let admin = client(&url).await;
    let remove = "DELETE FROM brigade.broadcast WHERE name = $1";
    assert_eq!(admin.execute(remove, &[&name]).await.unwrap(), 1);
    for event in [2, 3] {
        here.send(event);
        timeout(PATIENCE, here.flush())
            .await
            .expect("it is written");
    }
    let third = async { while !matches!(events.next().await.unwrap(), Ok(3)) {} };
    timeout(PATIENCE, third).await.expect("it is heard");
}
