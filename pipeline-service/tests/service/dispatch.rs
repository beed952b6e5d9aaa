//! One queue for several processes: by the kinds of its messages, through links.

use std::collections::BTreeSet;
use std::time::Duration;

use brigade::link::{Link, link};
use brigade::prelude::*;
use brigade::queue::{Backoff, Delivery, Outgoing};
use brigade::service::Service;

use crate::support::{Heard, ms, s};

struct Office {
    post: queue::Memory<u64>,
    reports: Link<u64>,
    orders: Link<u64>,
    done: Heard<(&'static str, u64)>,
}

/// An instance of the program: an old one, which does not know of `refund` yet, or a new one.
fn office(
    post: &queue::Memory<u64>,
    done: &Heard<(&'static str, u64)>,
    is_new: bool,
) -> Service<Office> {
    let office = Office {
        post: post.clone(),
        reports: link(10).named("reports"),
        orders: link(10).named("orders"),
        done: done.clone(),
    };
    Service::new("office", office)
        .process("reports", |p| {
            p.pipeline(|cx| pipeline! {
                [cx.reports.input()]
                use done = cx.done;
                :async 2 tap(async |_: &u64| tokio::time::sleep(ms(5)).await),
                tap(|report| done.add(("report", *report))),
                :drive sink::discard(),
            })
        })
        .process("orders", |p| {
            p.pipeline(|cx| pipeline! {
                [cx.orders.input()]
                use done = cx.done;
                tap(|order| done.add(("order", *order))),
                :drive sink::discard(),
            })
        })
        .process("dispatch", move |p| {
            p.pipeline(move |cx| pipeline! {
                [cx.post.clone().deliveries(), cx.errors(queue::nacks(Backoff::exponential().max_delay(s(60))))]
                use done = cx.done;
                filter(|_: &Delivery<u64>| true),
                match |message| message.kind() {
                    Some("report") => { map(|message: Delivery<u64>| *message), :drive cx.reports.sink() },
                    Some("order") => { map(|message: Delivery<u64>| *message), :drive cx.orders.sink() },
                    Some("refund") if is_new => {
                        tap(|message: &Delivery<u64>| done.add(("refund", **message))),
                        :drive sink::discard(),
                    },
                    _ => {
                        tap(|message: &Delivery<u64>| Err::<(), _>(format!("nobody knows {:?}", message.kind())))?,
                        :drive sink::discard(),
                    },
                },
            })
        })
}

#[tokio::test(start_paused = true)]
async fn each_message_goes_to_the_process_of_its_kind_and_an_unknown_kind_waits_for_one_who_knows_it()
 {
    let (post, done) = (queue::memory(), Heard::default());
    let kinds = ["report", "order", "refund"];
    let messages = (0..300)
        .map(|number| Outgoing::new(number).kind(kinds[usize::try_from(number).unwrap() % 3]));
    post.send(messages.collect()).await.unwrap();

    let old = office(&post, &done, false).start().await.unwrap();
    tokio::time::sleep(s(600)).await;
    let status = old.stop().await.unwrap();
    let expected = |kind: usize| {
        (0..100_u64)
            .map(move |number| number * 3 + kind as u64)
            .map(move |number| (kinds[kind], number))
    };
    let known: BTreeSet<_> = expected(0).chain(expected(1)).collect();
    assert_eq!(done.all().len(), 200, "each once");
    assert_eq!(done.all().into_iter().collect::<BTreeSet<_>>(), known);
    // None of the others is lost, and they came again ever later: after 1, 2, 4 … seconds, up to a minute.
    assert_eq!(post.len(), 100);
    let tries = status.process("dispatch").unwrap().failures / 100;
    assert!((10..=30).contains(&tries), "{tries}");

    let new = office(&post, &done, true).start().await.unwrap();
    tokio::time::timeout(Duration::from_secs(120), async {
        while !post.is_empty() {
            tokio::time::sleep(s(1)).await;
        }
    })
    .await
    .expect("who knows them takes them");
    new.stop().await.unwrap();
    let refunds: BTreeSet<_> = done
        .all()
        .into_iter()
        .filter(|(kind, _)| *kind == "refund")
        .collect();
    assert_eq!(refunds, expected(2).collect());
    assert_eq!(done.all().len(), 300, "each once");
}
