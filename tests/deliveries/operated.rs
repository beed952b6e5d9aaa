//! What an operator does to a queue while a pipeline works on its messages: promise 140.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Admin as _, Outgoing, Pause};

use crate::fakes::{Gate, LEASE, PATIENCE, until};

type Written = Arc<Mutex<Vec<String>>>;

async fn filled(ids: &[&str]) -> queue::Memory<String> {
    let orders = queue::memory::<String>().lease(LEASE);
    let messages = ids.iter().map(|id| Outgoing::new((*id).to_owned()).id(*id));
    assert!(orders.send(messages.collect()).await.unwrap().is_empty());
    orders
}

#[tokio::test(start_paused = true)]
async fn who_works_on_a_message_that_is_cancelled_is_told_and_writes_nothing_of_it() {
    let orders = filled(&["a", "b"]).await;
    let deliveries = orders.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let (passing, written) = (gate.clone(), Written::default());
    let writing = Arc::clone(&written);
    let running = pipeline! {
        [deliveries]
        :async 2 map(async |order| {
            passing.pass().await;
            order.to_string()
        }),
        :drive sink::each(move |order| writing.lock().unwrap().push(order)),
    }
    .spawn();
    until(&stats, |counts| counts.received == 2).await;
    let unknown = orders.cancel(vec!["a".to_owned()]).await.unwrap();
    assert!(unknown.is_empty());
    // Leases are extended when a third of them is over.
    tokio::time::sleep(LEASE / 2).await;
    gate.open();
    until(&stats, |counts| counts.in_flight == 0).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(*written.lock().unwrap(), ["b"]);
    let counts = stats.snapshot();
    assert_eq!((counts.acked, counts.lost, counts.received), (1, 1, 2));
    assert!(orders.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_gets_nothing_of_a_paused_queue_and_goes_on_when_the_pause_ends() {
    let orders = filled(&["a"]).await;
    let deliveries = orders.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        map(|order| order.to_string()),
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1).await;
    let pause = Duration::from_secs(600);
    let paused = tokio::time::Instant::now();
    orders.pause(Pause::For(pause)).await.unwrap();
    orders.put("b".to_owned()).await;
    tokio::time::sleep(pause / 2).await;
    assert_eq!(stats.snapshot().received, 1);
    until(&stats, |counts| counts.acked == 2).await;
    assert!(paused.elapsed() >= pause);
    orders.pause(Pause::UntilResumed).await.unwrap();
    orders.put("c".to_owned()).await;
    tokio::time::sleep(24 * pause).await;
    assert_eq!(stats.snapshot().received, 2);
    orders.resume().await.unwrap();
    until(&stats, |counts| counts.acked == 3).await;
    running.drain(PATIENCE).await.unwrap();
}
