//! Pipelines whose deliveries come from SQS.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue::Delivery;
use pipeline_connectors::queue::SqsQueue;
use test_servers::Faults;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::{client, message, new, open, receive};

const PATIENCE: Duration = Duration::from_secs(60);

type Bodies = Arc<Mutex<HashSet<String>>>;

/// Notes the bodies of all deliveries.
fn consume(queue: SqsQueue, bodies: &Bodies) -> brigade::Running<()> {
    let bodies = Arc::clone(bodies);
    pipeline! {
        [queue.deliveries().wait(Duration::from_secs(1))]
        :async 4 map(|delivery: Delivery<String>| async move {
            sleep(Duration::from_millis(10)).await;
            delivery.to_string()
        }),
        :drive sink::each(move |body| { bodies.lock().unwrap().insert(body); }),
    }
    .spawn()
}

async fn until(bodies: &Bodies, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while bodies.lock().unwrap().len() < count {
        assert!(
            Instant::now() < deadline,
            "only {:?}",
            bodies.lock().unwrap()
        );
        sleep(Duration::from_millis(10)).await;
    }
}

async fn put(queue: &SqsQueue, names: std::ops::Range<usize>) {
    let messages = names.map(|n| message(&n.to_string()).id(n.to_string()));
    assert!(queue.send(messages.collect()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_drain_interrupts_a_long_poll() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    put(&queue, 0..1).await;
    let deliveries = queue.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! { [deliveries] :drive sink::each(|_delivery| {}) }.spawn();
    while stats.snapshot().acked < 1 {
        sleep(Duration::from_millis(10)).await;
    }
    // By now it waits for another message, for 20 s.
    running.drain(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn faults_of_all_kinds_lose_nothing() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let Some(faults) = Faults::before(server) else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    put(&queue, 0..100).await;
    let name = queue
        .url()
        .await
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    faults.set(
        r#"[{"service": "sqs", "operation": "ReceiveMessage", "probability": 0.2, "response": {"abort_frac": 0.3}},
            {"service": "sqs", "operation": "DeleteMessageBatch", "probability": 0.3, "response": {"abort_frac": 0.3}},
            {"service": "sqs", "probability": 0.1, "reset": true},
            {"service": "sqs", "probability": 0.1, "error": {"code": "RequestThrottled", "status": 400}}]"#,
    );
    let bodies = Bodies::default();
    let running = consume(open(&client(&faults.url()), &name).await, &bodies);
    until(&bodies, 100).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(faults.fired() > 0);
    // What was leased by an answer that nobody got comes again, and is the last of it.
    sleep(queue.profile().lease).await;
    let rest = receive(&queue, 100).await;
    assert!(
        rest.iter()
            .all(|message| bodies.lock().unwrap().contains(&message.body))
    );
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_and_goes_away_meanwhile_is_waited_for() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let upstream: SocketAddr = server.url().trim_start_matches("http://").parse().unwrap();
    let queue = new(&client(&server.url()), "").await;
    put(&queue, 0..10).await;
    let name = queue
        .url()
        .await
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let place = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let bodies = Bodies::default();
    let running = consume(
        open(&client(&format!("http://{place}")), &name).await,
        &bodies,
    );

    sleep(Duration::from_secs(3)).await;
    assert!(bodies.lock().unwrap().is_empty());
    let up = forward(place, upstream).await;
    until(&bodies, 10).await;

    up.abort();
    let _ = up.await;
    put(&queue, 10..20).await;
    // As long as a restart of a server may take; there is no condition to wait for while nothing happens.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bodies.lock().unwrap().len(), 10);
    let _up = forward(place, upstream).await;
    until(&bodies, 20).await;
    running.drain(PATIENCE).await.unwrap();
}

/// A server that passes everything on, until it is aborted; then also its connections end.
async fn forward(place: SocketAddr, upstream: SocketAddr) -> JoinHandle<()> {
    let listener = loop {
        // Connections of the one before may hold the port for a moment.
        match TcpListener::bind(place).await {
            Ok(listener) => break listener,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    };
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut server = TcpStream::connect(upstream).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    })
}

#[tokio::test]
async fn a_trace_goes_on_to_what_is_sent_for_a_message() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let client = client(&server.url());
    let (one, other) = (new(&client, "").await, new(&client, "").await);
    crate::traced::a_trace_goes_on(&one, &other).await;
}

#[tokio::test]
async fn a_trace_for_which_there_is_no_room_is_left_out() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let queue = new(&client(&server.url()), "").await;
    let traced = message("many").id("many").attribute("tracestate", "a=1");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = traced.attribute("traceparent", trace);
    let many = (0..9).fold(traced, |many, n| many.attribute(format!("n{n}"), "x"));
    assert!(queue.send(vec![many]).await.unwrap().is_empty());
    let came = receive(&queue, 1).await.remove(0);
    assert_eq!(came.attributes.len(), 9);
    assert_eq!(came.attributes.get("traceparent"), None);
}
