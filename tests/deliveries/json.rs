//! Bodies that are JSON, and messages that are none.

use brigade::prelude::*;
use brigade::queue::{Json, NoJson};

use crate::fakes::{LEASE, Letters, conserved, filled, received, until};

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Order {
    id: u64,
}

const NONE: &str = r#"{"id": "seven", "more": [1]}"#;

fn texts() -> [String; 5] {
    [
        r#"{"id":1}"#,
        NONE,
        r#"{"id":2}"#,
        "",
        r#"{"id":3, "unknown": 0}"#,
    ]
    .map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_such_json_is_a_dead_letter_and_the_others_go_on() {
    // Run by the consumer, and by workers.
    for kind in 0..3 {
        let queue = filled(texts()).await;
        let deliveries = queue.clone().json::<Order>().deliveries().until_idle();
        let (stats, letters, seen) = (deliveries.stats(), Letters::default(), sink::collect());
        let errors = queue::dead_letters(letters.clone());
        let end = seen.clone();
        let run = match kind {
            0 => pipeline! {
                [deliveries, errors] push_task(order), let id = order.id, map(|m| m.id), :drive end
            }
            .run(),
            1 => pipeline! {
                [deliveries, errors]
                push_task(order), :async 3 let id = async { order.id }.await, map(|m| m.id),
                :drive end,
            }
            .run(),
            _ => pipeline! {
                [pipeline! { [deliveries, errors] push_task(order), pop_task(order) }]
                push_task(order), 2 let id = order.id, map(|m| m.id), :drive end
            }
            .run(),
        };
        let report = run.await.unwrap();
        assert!(report.conserved(), "{report}");
        let counts = conserved(&stats);
        assert_eq!((counts.acked, counts.dead, counts.in_flight), (3, 2, 0));
        assert_eq!(seen.take(), [1, 2, 3]);
        let letters = letters.written();
        let originals: Vec<_> = letters.iter().map(|letter| &letter.original[..]).collect();
        assert_eq!(originals, [NONE.as_bytes(), b""]);
        let cause = &letters[0].cause;
        assert!(
            cause.contains("invalid type: string \"seven\", expected u64"),
            "{cause}"
        );
        // Mended, it can be replayed; as it is, only as the text that it is.
        for letter in &letters {
            assert!(letter.message::<Json<Order>>().is_err());
            assert_eq!(
                letter.message::<String>().unwrap().body.as_bytes(),
                letter.original
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_errors_end_decides_about_a_message_that_is_no_such_json() {
    let queue = filled(texts()).await;
    let deliveries = queue.clone().json::<Order>().deliveries();
    let stats = deliveries.stats();
    let errors = sink::each(|failure: Failure<_>| {
        assert!(
            failure
                .cause()
                .error()
                .is_some_and(<dyn std::error::Error>::is::<NoJson>)
        );
        failure.ack();
    });
    let running = pipeline! {
        [deliveries, errors] push_task(order), pop_task(order), :drive sink::discard()
    }
    .spawn();
    until(&stats, |counts| counts.acked + counts.nacked == 5).await;
    running.drain(LEASE).await.unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (5, 0, 0));
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_an_errors_end_it_stops_the_pipeline_and_comes_again() {
    let queue = filled([NONE.to_owned()]).await;
    let deliveries = queue.clone().json::<Order>().deliveries();
    let failure = pipeline! { [deliveries] 2 map(|order| order.id), :drive sink::discard() }
        .run()
        .await
        .unwrap_err();
    assert!(
        failure
            .cause()
            .error()
            .is_some_and(<dyn std::error::Error>::is::<NoJson>),
        "{failure}"
    );
    let again = received(&queue, 2 * LEASE).await;
    assert_eq!(again, [(NONE.to_owned(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn values_go_into_a_queue_and_come_out_of_it() {
    let orders = queue::memory::<Json<Order>>();
    let end = orders.clone().sink();
    pipeline! { [1..4_u64] map(|id| Order { id }), :drive end }
        .run()
        .await
        .unwrap();
    let seen = sink::collect();
    let end = seen.clone();
    let deliveries = orders.deliveries().until_idle();
    pipeline! { [deliveries] map(|order| order.id), :drive end }
        .run()
        .await
        .unwrap();
    assert_eq!(seen.take(), [1, 2, 3]);
}
