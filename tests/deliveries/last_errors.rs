//! Why a delivery has failed is known to who looks at its message.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Admin as _, Delivery, Filter, Memory, Outgoing};
use brigade::{Failure, link};

use crate::fakes::{LEASE, Letters, PATIENCE, until};

async fn orders(ids: &[&str]) -> Memory<String> {
    let orders = queue::memory::<String>().lease(LEASE);
    let messages = ids.iter().map(|id| Outgoing::new((*id).to_owned()).id(*id));
    assert!(orders.send(messages.collect()).await.unwrap().is_empty());
    orders
}

/// What is known of each message.
async fn known(orders: &Memory<String>) -> Vec<(String, Option<String>)> {
    let listed = orders.list(Filter::default(), 100).await.unwrap();
    let error = |message: queue::MessageInfo| (message.id, message.last_error);
    listed.into_iter().map(error).collect()
}

fn parse(order: &Delivery<String>) -> Result<u64, std::num::ParseIntError> {
    order.parse()
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_and_is_given_back_leaves_why_with_its_message() {
    let orders = orders(&["one", "2", "three"]).await;
    let deliveries = orders.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(PATIENCE)]
        map(|order: Delivery<String>| parse(&order))? with { name: "count" },
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| {
        counts.in_flight == 0 && counts.received == 3
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    let why = || Some("count: invalid digit found in string".to_owned());
    assert_eq!(
        known(&orders).await,
        [("one".to_owned(), why()), ("three".to_owned(), why())]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_has_to_decide_about_the_failure_and_attempts_are_told() {
    let orders = orders(&["one"]).await;
    let deliveries = orders.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, sink::each(|_failure: Failure<()>| {})]
        :async 2 map(async |order: Delivery<String>| parse(&order))? with {
            name: "count", retry: Retry::exponential(3)
        },
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    let why = "count: invalid digit found in string (attempt 3)".to_owned();
    assert_eq!(known(&orders).await, [("one".to_owned(), Some(why))]);
}

#[tokio::test(start_paused = true)]
async fn all_messages_of_a_batch_that_fails_have_its_error_also_behind_a_link() {
    let orders = orders(&["1", "2"]).await;
    let (deliveries, handed) = (orders.clone().deliveries(), link::link::<u64>(4));
    let stats = deliveries.stats();
    let front = pipeline! {
        [deliveries]
        map(|order: Delivery<String>| parse(&order).unwrap()),
        :drive handed.sink(),
    }
    .spawn();
    let behind = pipeline! {
        [handed.input(), queue::nacks(PATIENCE)]
        batch(2),
        map(|counts: Vec<u64>| Err::<(), _>(format!("no room for {counts:?}")))? with { name: "store" },
        :drive sink::discard(),
    }
    .spawn();
    until(&stats, |counts| counts.nacked == 2).await;
    front.drain(PATIENCE).await.unwrap();
    behind.drain(PATIENCE).await.unwrap();
    let why = || Some("store: no room for [1, 2]".to_owned());
    let expected = [("1".to_owned(), why()), ("2".to_owned(), why())];
    assert_eq!(known(&orders).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_no_error_and_what_is_known_stays() {
    let orders = orders(&["one"]).await;
    for fails in [true, false] {
        let deliveries = orders.clone().deliveries().wait(Duration::from_secs(1));
        let stats = deliveries.stats();
        let running = pipeline! {
            [deliveries, queue::nacks(Duration::ZERO)]
            :async 1 map(async |order: Delivery<String>| {
                if !fails || order.receive_count() > 1 {
                    std::future::pending::<()>().await;
                }
                parse(&order)
            })?,
            :drive sink::discard(),
        }
        .spawn();
        until(&stats, |counts| counts.received == 1 + u64::from(fails)).await;
        running.abort().await;
        let known = known(&orders).await;
        let why = known[0].1.as_deref().unwrap();
        assert!(why.ends_with("invalid digit found in string"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_tells_why_and_its_priority_goes_back_with_the_message() {
    let orders = orders(&[]).await;
    let one = Outgoing::new("one".to_owned()).id("one").priority(12);
    orders.send(vec![one]).await.unwrap();
    let letters = Letters::default();
    pipeline! {
        [orders.clone().deliveries().until_idle(), queue::dead_letters(letters.clone())]
        map(|order: Delivery<String>| {
            assert_eq!(order.priority(), 12);
            parse(&order)
        })?,
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    let letter = letters.written().remove(0);
    assert_eq!(letter.priority, 12);
    orders.send(vec![letter.message().unwrap()]).await.unwrap();
    let listed = orders.list(Filter::default(), 1).await.unwrap();
    assert_eq!((listed[0].priority, &listed[0].last_error), (12, &None));
}
