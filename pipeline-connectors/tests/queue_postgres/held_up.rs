//! An answer that is on its way for longer than a lease.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Delivery;
use pipeline_connectors::database::Postgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{LEASE, client, message, name, open, put, receipts, receive, texts, until};

/// Hands everything on to the server, and what that answers while it is open.
async fn way_to(server: u16, open: watch::Receiver<bool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (here, _) = listener.accept().await.unwrap();
            let there = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(join(here, there, open.clone()));
        }
    });
    port
}

async fn join(here: TcpStream, there: TcpStream, mut open: watch::Receiver<bool>) {
    let (mut asks, mut hears) = here.into_split();
    let (mut answers, mut is_asked) = there.into_split();
    let asking = copy(&mut asks, &mut is_asked);
    let answering = async {
        let mut bytes = [0; 4096];
        loop {
            let count = answers.read(&mut bytes).await?;
            if count == 0 || open.wait_for(|open| *open).await.is_err() {
                return hears.shutdown().await;
            }
            hears.write_all(&bytes[..count]).await?;
        }
    };
    // Either may end first, and by an error: then the connection is gone.
    let _ = tokio::join!(asking, answering);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_when_its_lease_is_over_is_not_begun() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (gate, is_open) = watch::channel(true);
    let port = way_to(server.port(), is_open).await;
    let (here, name) = (server.url("postgres"), name());
    let way = here.replace(&server.port().to_string(), &port.to_string());
    let far = open::<String>(&Postgres::connect(way).await.unwrap(), &name).await;
    let near = open(&Postgres::connect(here.clone()).await.unwrap(), &name).await;

    let begun = Arc::new(Mutex::new(Vec::new()));
    let deliveries = far.deliveries().wait(Duration::from_millis(100));
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::ZERO)]
        use begun;
        tap(|message: &Delivery<String>| begun.lock().unwrap().push(message.body().clone())),
        :drive sink::each(|_message| ()),
    }
    .spawn();
    put(&near, vec![message("before")]).await;
    until("it works while the way is open", async || {
        stats.snapshot().acked == 1
    })
    .await;
    assert_eq!(*begun.lock().unwrap(), ["before"]);

    gate.send_replace(false);
    put(&near, vec![message("held up")]).await;
    let all = client(&here).await;
    let taken = format!(
        "SELECT FROM brigade.queue q JOIN brigade.queue_name n USING (queue) WHERE n.name = '{name}' AND state = 2"
    );
    until("it is taken, and the answer is on its way", async || {
        !all.query(&taken, &[]).await.unwrap().is_empty()
    })
    .await;
    // It is another worker's when that has ended, which is still at work on it when the answer arrives.
    let received = receive(&near, LEASE * 3).await;
    assert_eq!(
        (texts(&received), received[0].receive_count),
        (vec!["held up"], 2)
    );
    gate.send_replace(true);
    until("it is known to be lost", async || {
        stats.snapshot().lost == 1
    })
    .await;
    assert_eq!(*begun.lock().unwrap(), ["before"]);
    assert!(
        brigade::queue::Queue::ack(&near, receipts(&received))
            .await
            .unwrap()
            .is_empty()
    );
    running.drain(Duration::from_secs(30)).await.unwrap();
}
