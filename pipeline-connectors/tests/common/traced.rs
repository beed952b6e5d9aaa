//! In which trace a message is goes on to what is sent for it.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Ask, Delivery, Outgoing, Queue};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// From the one queue to the other, and back.
pub(crate) async fn a_trace_goes_on<Q: Queue<Body = String> + Clone>(one: &Q, other: &Q) {
    let sent = |text: &str| Outgoing::new(text.to_owned()).id(text);
    let traced = sent("traced").attribute("traceparent", TRACE);
    let traced = traced.attribute("tracestate", "vendor=1");
    let unsent = one.send(vec![traced, sent("plain")]).await.unwrap();
    assert!(unsent.is_empty(), "{unsent:?}");
    for (from, to) in [(one, other), (other, one)] {
        let deliveries = from.clone().deliveries().until_idle();
        pipeline! {
            [deliveries.wait(Duration::from_millis(500))]
            :async 2 map(|delivery: Delivery<String>| async move {
                Outgoing::new(delivery.body().clone()).id(&**delivery.id())
            }),
            :drive to.clone().sink(),
        }
        .run()
        .await
        .unwrap();
    }
    let mut came = Vec::new();
    while came.len() < 2 {
        let ask = Ask::new(2 - came.len(), Duration::from_secs(10));
        let received = one.receive(ask).await.unwrap();
        assert!(!received.is_empty(), "of 2 messages there are {came:?}");
        came.extend(received);
    }
    came.sort_by(|one, other| one.body.cmp(&other.body));
    let traces = came.iter().map(|message| {
        let attribute = |name| message.attributes.get(name);
        (
            &*message.body,
            attribute("traceparent"),
            attribute("tracestate"),
        )
    });
    let expected = [
        ("plain", None, None),
        ("traced", Some(TRACE), Some("vendor=1")),
    ];
    assert_eq!(traces.collect::<Vec<_>>(), expected);
}
