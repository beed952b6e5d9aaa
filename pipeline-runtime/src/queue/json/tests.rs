use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::queue::{Admin, Ask, DeadLetter, Filter, Queue, memory};
use crate::sink::Sink;

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Order {
    id: u64,
}

#[tokio::test]
async fn a_value_is_sent_as_json_and_received_as_a_value() {
    let texts = memory::<String>();
    let orders = texts.clone().json::<Order>();
    let written = orders.clone().sink().write(vec![Order { id: 7 }]).await;
    assert_eq!(written.unwrap().failures().count(), 0);
    let text = texts
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(text.body, r#"{"id":7}"#);
    texts
        .nack(vec![text.receipt], Duration::ZERO)
        .await
        .unwrap();
    let order = orders
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap()
        .remove(0);
    assert_eq!((order.body.id, &order.id), (7, &text.id));
}

#[tokio::test]
async fn what_is_no_such_json_is_kept_as_it_is() {
    let texts = memory::<String>();
    texts.put(r#"{"id":"seven"}"#.into()).await;
    let orders = texts.json::<Order>();
    let order = orders
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap()
        .remove(0);
    let error = order.body.get().unwrap_err().to_string();
    assert!(error.contains("invalid type: string"), "{error}");
    assert_eq!(order.body.to_bytes(), br#"{"id":"seven"}"#);
    assert!(order.body.unreadable().is_some());
}

#[tokio::test]
async fn what_json_cannot_hold_is_refused_alone() {
    let maps = memory::<String>().json::<BTreeMap<Vec<u8>, u8>>();
    let good = || Outgoing::new(Json::new(BTreeMap::new()));
    let bad = Outgoing::new(Json::new(BTreeMap::from([(vec![1], 1)])));
    let unsent = maps.send(vec![good(), bad, good()]).await.unwrap();
    let indexes: Vec<_> = unsent.iter().map(crate::queue::Unsettled::index).collect();
    assert_eq!(indexes, [1]);
}

#[tokio::test]
async fn a_letter_comes_back_as_the_text_that_it_was() {
    let text = br#"{ "id": 7, "more": true }"#.to_vec();
    let none = DeadLetter::new("b", b"none".to_vec());
    assert!(none.message::<Json<Order>>().is_err());
    let texts = memory::<Vec<u8>>();
    let message = DeadLetter::new("a", text.clone()).message().unwrap();
    let orders = texts.clone().json::<Order>();
    assert!(orders.send(vec![message]).await.unwrap().is_empty());
    assert_eq!(
        texts.receive(Ask::new(9, Duration::ZERO)).await.unwrap()[0].body,
        text
    );
}

#[tokio::test]
async fn the_memory_queue_holds_such_bodies_itself() {
    let orders = memory::<Json<Order>>();
    orders.put(Order { id: 7 }.into()).await;
    let order = orders
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(order.body.to_bytes(), br#"{"id":7}"#);
    assert_eq!(order.body.into_inner().unwrap(), Order { id: 7 });
}

#[tokio::test]
async fn its_operator_sees_bodies_as_they_are_stored() {
    let orders = memory::<String>().json::<Order>();
    orders.send(vec![Order { id: 7 }.into()]).await.unwrap();
    let listed = orders.list(Filter::default(), 10).await.unwrap();
    assert_eq!(listed[0].body, br#"{"id":7}"#);
    let shown = orders.get(&listed[0].id).await.unwrap();
    assert_eq!(shown, listed);
    assert_eq!(orders.purge().await.unwrap(), 1);
}
