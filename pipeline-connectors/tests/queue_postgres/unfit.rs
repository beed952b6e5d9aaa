//! Servers that cannot do what they are asked for a while: away, out of room, or to be read only.

use std::collections::HashSet;
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Delivery;
use pipeline_connectors::database::{ConnectErrorKind, Postgres};
use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::queue::Ask;
use test_servers::Cluster;

use crate::heard::Heard;
use crate::small_disk::SmallDisk;
use crate::support::{
    PATIENCE, client, database, message, open, put, receipts, receive, texts, until,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_which_is_said_once_and_where_it_is() {
    let Some(server) = Cluster::new() else { return };
    let (heard, _guard) = Heard::here();
    let queue: PostgresQueue = open(&database(&server).await, "orders").await;
    let deliveries = queue.clone().deliveries().wait(SECOND);
    let (stats, seen) = (deliveries.stats(), std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::new(seen);
    let (place, told) = (
        format!("PostgreSQL at 127.0.0.1:{}", server.port()),
        seen.clone(),
    );
    let running = pipeline! {
        [deliveries]
        map(|order: Delivery<String>| order.to_string()),
        :drive sink::each(move |order| told.lock().unwrap().push(order)),
    }
    .spawn();
    put(&queue, vec![message("before")]).await;
    until("the first is worked on", async || {
        seen.lock().unwrap().len() == 1
    })
    .await;
    server.stop();
    until("it is said that it is away", async || {
        !heard.lines("it is away").is_empty()
    })
    .await;
    // It is asked again in the meantime, several times.
    tokio::time::sleep(4 * SECOND).await;
    let away = heard.lines("it is away");
    let of_receives: Vec<_> = away.iter().filter(|line| line.contains("orders")).collect();
    assert_eq!(of_receives.len(), 1, "{away:?}");
    assert!(of_receives[0].contains(&place), "{away:?}");
    assert!(!of_receives[0].contains("a password of tests"), "{away:?}");
    let last = format!("{:?}", stats.last_error().expect("it is away"));
    assert!(last.contains(&place), "{last}");
    server.resume();
    until("it is said that it is back", async || {
        !heard.lines("it is back").is_empty()
    })
    .await;
    put(&queue, vec![message("behind")]).await;
    until("the next is worked on", async || {
        seen.lock().unwrap().len() == 2
    })
    .await;
    running.drain(30 * SECOND).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["before", "behind"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_only_be_read_is_away_until_it_may_be_written() {
    let Some(server) = Cluster::new() else { return };
    let db = database(&server).await;
    let queue: PostgresQueue = open(&db, "orders").await;
    put(&queue, vec![message("1"), message("2")]).await;
    let held = queue.receive(Ask::new(1, SECOND)).await.unwrap();
    let admin = client(&server.url("postgres")).await;
    let own = "SET default_transaction_read_only = off";
    admin.batch_execute(own).await.unwrap();
    let set = async |value: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        admin.batch_execute(&set).await.unwrap();
        let reload = "SELECT pg_reload_conf()";
        admin.query(reload, &[]).await.unwrap();
        let other = client(&server.url("postgres")).await;
        until("it is known to those who connect", async || {
            let row = other.query_one("SHOW default_transaction_read_only", &[]);
            row.await.unwrap().get::<_, &str>(0) == value
        })
        .await;
    };
    set("on").await;
    // Each session hears of it for itself.
    until("nothing can be sent", async || {
        queue.send(vec![message("3")]).await.is_err()
    })
    .await;
    let sending = queue.send(vec![message("3")]).await.unwrap_err();
    let mut receiving = Ok(Vec::new());
    until("nothing can be received", async || {
        receiving = queue.receive(Ask::new(1, Duration::ZERO)).await;
        receiving.is_err()
    })
    .await;
    let acking = queue.ack(receipts(&held)).await.unwrap_err();
    for error in [sending, receiving.unwrap_err(), acking] {
        assert!(error.is_away(), "{error}");
        let said = error.to_string();
        assert!(said.contains("read-only transaction"), "{said}");
        assert!(said.contains(&server.port().to_string()), "{said}");
    }
    // Who begins now is told at once, and not made to wait.
    let new = database(&server).await.queue::<String>("others").open();
    assert_eq!(new.await.unwrap_err().kind, ConnectErrorKind::ReadOnly);
    set("off").await;
    until("it is acknowledged", async || {
        queue
            .ack(receipts(&held))
            .await
            .is_ok_and(|left| left.is_empty())
    })
    .await;
    // How often it was sent before nothing could be is not known here.
    let rest = receive(&queue, 20 * SECOND).await;
    assert_eq!(texts(&rest)[0], "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_disk_is_full_is_away_until_there_is_room_and_loses_nothing() {
    /// Of 8 KiB each: in all more than there is room for.
    const COUNT: usize = 2_000;
    let Some(disk) = SmallDisk::mount_of("128m") else {
        return;
    };
    let Ok(server) = Cluster::kept_in(&disk.file("data"), None) else {
        // That there is no PostgreSQL is told by the others.
        return;
    };
    let db = Postgres::connect(server.url("postgres")).await.unwrap();
    let queue: PostgresQueue = open(&db, "orders").await;
    let body = |n: usize| {
        // Such text is not compressed.
        let text = (0..8_192).map(|_| fastrand::alphanumeric());
        format!("{n} {}", text.collect::<String>())
    };
    put(&queue, vec![message(&body(0)).id("0")]).await;
    let rest = disk.fill();
    let running = pipeline! {
        [1..COUNT]
        map(|n| message(&body(n)).id(n.to_string())),
        :drive queue.clone().sink(),
    }
    .spawn();
    let (mut more, mut said) = (0, String::new());
    until("there is no room", async || {
        let id = format!("more {more}");
        let sending = queue.send(vec![message(&body(more)).id(id)]).await;
        more += usize::from(sending.is_ok());
        let Err(error) = sending else { return false };
        assert!(error.is_away(), "{error}");
        said = error.to_string();
        true
    })
    .await;
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains(&server.port().to_string()), "{said}");
    std::fs::remove_file(rest).unwrap();
    tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap();
    let mut ids = HashSet::new();
    while ids.len() < COUNT + more {
        let received = receive(&queue, 5 * SECOND).await;
        assert!(
            !received.is_empty(),
            "of {COUNT} and {more} {} came",
            ids.len()
        );
        for message in &received {
            assert!(
                ids.insert(message.id.to_string()),
                "{} came twice",
                message.id
            );
        }
        queue.ack(receipts(&received)).await.unwrap();
    }
    assert!((0..COUNT).all(|n| ids.contains(&n.to_string())));
    assert!(receive(&queue, Duration::ZERO).await.is_empty());
}
