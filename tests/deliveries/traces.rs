//! In which trace a message is goes on to what is sent for it, and the work on it is told in a span of its own.

use std::time::Duration;

use brigade::link;
use brigade::prelude::*;
use brigade::queue::{Attributes, Delivery, Outgoing, Received};

use crate::fakes::{Letters, filled, received};
use crate::spans::Spans;

/// The `traceparent` of a message.
fn trace(number: u64) -> String {
    format!("00-{:032x}-{:016x}-01", 0xabc + number, 0xdef + number)
}

fn traced(number: u64) -> Outgoing<u64> {
    Outgoing::new(number).attribute("traceparent", trace(number))
}

async fn queue_of(messages: Vec<Outgoing<u64>>) -> queue::Memory<u64> {
    let queue = queue::memory();
    queue.send(messages).await.unwrap();
    queue
}

/// What came of it, each with its trace.
async fn sent(queue: &queue::Memory<u64>) -> Vec<(u64, Option<String>)> {
    let ask = queue::Ask::new(100, Duration::ZERO);
    let messages = queue.receive(ask).await.unwrap();
    let trace = |message: Received<u64>| {
        let trace = message.attributes.get("traceparent").map(str::to_owned);
        (message.body, trace)
    };
    messages.into_iter().map(trace).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_for_a_message_is_in_its_trace_whatever_stages_it_has_passed() {
    let state = "vendor=1";
    let with_state = traced(2)
        .attribute("tracestate", state)
        .attribute("tenant", "a7");
    let from = queue_of(vec![traced(1), with_state, Outgoing::new(3)]).await;
    let to = queue::memory::<u64>();
    pipeline! {
        [from.deliveries().until_idle()]
        :async 4 map(async |number: Delivery<u64>| *number),
        flat_map(|number| [10 * number, 10 * number + 1]),
        :async 2 tap(|_| tokio::task::yield_now()),
        filter(|number| *number != 10),
        :drive 2 to.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    let ask = queue::Ask::new(100, Duration::ZERO);
    let mut came = to.receive(ask).await.unwrap();
    came.sort_by_key(|message| message.body);
    let came = came
        .iter()
        .map(|message| (message.body, &message.attributes));
    let (one, two) = (Attributes::from([("traceparent", trace(1))]), {
        let mut two = Attributes::from([("traceparent", trace(2))]);
        two.insert("tracestate", state);
        two
    });
    let none = Attributes::new();
    let expected = [(11, &one), (20, &two), (21, &two), (30, &none), (31, &none)];
    assert_eq!(came.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_with_a_trace_of_its_own_keeps_it_and_what_is_no_trace_goes_nowhere() {
    let odd = |text: &str| Outgoing::new(2).attribute("traceparent", text);
    let short = odd("00-abc-def-01");
    let hostile = odd(&format!("00-{}\n{}", "a".repeat(32), "b".repeat(19)));
    let long = odd(&format!("01-{:032x}-{:016x}-01-{}", 1, 1, "x".repeat(500)));
    let more = odd(&format!("{}-more", trace(2)));
    let later = Outgoing::new(3).attribute("traceparent", format!("cc{}-more", &trace(3)[2..]));
    let from = queue_of(vec![traced(1), short, hostile, long, more, later]).await;
    let to = queue::memory::<u64>();
    pipeline! {
        [from.deliveries().until_idle()]
        map(|number: Delivery<u64>| match *number {
            1 => traced(9),
            number => Outgoing::new(number),
        }),
        :drive to.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    let mut expected = vec![(9, Some(trace(9)))];
    expected.extend(std::iter::repeat_n((2, None), 4));
    expected.push((3, Some(format!("cc{}-more", &trace(3)[2..]))));
    assert_eq!(sent(&to).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_for_several_messages_is_in_the_trace_of_the_first_that_is_in_one() {
    let from = queue_of(vec![
        Outgoing::new(1),
        traced(2),
        traced(3),
        traced(4),
        traced(5),
    ])
    .await;
    let to = queue::memory::<u64>();
    pipeline! {
        [from.deliveries().until_idle()]
        batch(3),
        map(|batch: Vec<Delivery<u64>>| batch.iter().map(|number| **number).sum::<u64>()),
        :drive to.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    let expected = [(6, Some(trace(2))), (9, Some(trace(4)))];
    assert_eq!(sent(&to).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_trace_goes_through_a_link() {
    let from = queue_of(vec![traced(1), Outgoing::new(2), traced(3)]).await;
    let (to, handed) = (queue::memory::<u64>(), link::link::<u64>(1));
    let front = pipeline! {
        [from.deliveries().until_idle()] map(|number| *number), :drive handed.sink()
    };
    let behind = pipeline! {
        [handed.input()] :async 2 map(|number| async move { number + 10 }), :drive to.clone().sink()
    };
    let (front, behind) = tokio::join!(front.run(), behind.run());
    front.unwrap();
    behind.unwrap();
    let expected = [(11, Some(trace(1))), (12, None), (13, Some(trace(3)))];
    assert_eq!(sent(&to).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_trace_is_in_a_letter_and_goes_on_when_that_is_replayed() {
    let from = queue_of(vec![traced(1)]).await;
    let (to, letters) = (queue::memory::<u64>(), Letters::default());
    let run = async |fails: bool| {
        pipeline! {
            [from.clone().deliveries().until_idle(), queue::dead_letters(letters.clone())]
            map(|number: Delivery<u64>| if fails { Err("no") } else { Ok(*number) })?,
            :drive to.clone().sink(),
        }
        .run()
        .await
        .unwrap();
    };
    run(true).await;
    assert!(to.is_empty() && from.is_empty());
    let letter = letters.written().remove(0);
    assert_eq!(letter.attributes.get("traceparent"), Some(&*trace(1)));
    from.send(vec![letter.message().unwrap()]).await.unwrap();
    run(false).await;
    assert_eq!(sent(&to).await, [(1, Some(trace(1)))]);
}

#[tokio::test]
async fn the_work_on_a_delivery_is_within_a_span_of_its_own_in_all_stages() {
    let (spans, _guard) = Spans::here();
    let from = queue_of(vec![traced(1).id("one"), Outgoing::new(2).id("two")]).await;
    pipeline! {
        [from.deliveries().until_idle().wait(Duration::ZERO)]
        map(|number: Delivery<u64>| {
            tracing::info!(target: "said", plain = *number);
            *number
        }),
        :async 2 tap(async |number: &u64| {
            tokio::task::yield_now().await;
            tracing::info!(target: "said", future = *number);
        }),
        stateful(|| (), |(), number: u64| {
            tracing::info!(target: "said", stateful = number);
            [number]
        }, |()| []) with { held: 10 },
        :async 2 flat_map(async |number: u64| {
            tokio::task::yield_now().await;
            tracing::info!(target: "said", flat = number);
            [number]
        }),
        map(|number| tracing::info!(target: "said", fused = number)),
        :drive sink::each(|()| tracing::info!(target: "said", sink = 0)),
    }
    .run()
    .await
    .unwrap();
    let span = |number: &str| match number {
        "1" => format!(
            r#"delivery queue=memory id=one attempt=1 traceparent="{}""#,
            trace(1)
        ),
        "2" => "delivery queue=memory id=two attempt=1".to_owned(),
        // A sink writes for several at once.
        _ => String::new(),
    };
    let said = spans.said();
    assert_eq!(said.len(), 12, "{said:?}");
    for (said, within) in &said {
        let (_, number) = said.split_once('=').unwrap();
        assert_eq!(within.clone().unwrap_or_default(), span(number), "{said}");
    }
    assert_eq!(spans.open(), 0, "a span ends with its delivery");
}

#[tokio::test]
async fn a_delivery_that_comes_again_has_a_span_that_says_so() {
    let (spans, _guard) = Spans::here();
    let from = filled([7_u64]).await;
    pipeline! {
        [from.clone().deliveries().until_idle().wait(Duration::ZERO), queue::nacks(Duration::ZERO)]
        map(|number: Delivery<u64>| {
            tracing::info!(target: "said", number = *number);
            if number.receive_count() < 3 { Err("later") } else { Ok(()) }
        })?,
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    assert!(received(&from, Duration::ZERO).await.is_empty());
    let said = spans.said();
    let attempts = said.iter().map(|(_, within)| within.clone().unwrap());
    for (nth, within) in (1..).zip(attempts) {
        assert!(within.ends_with(&format!(" attempt={nth}")), "{within}");
    }
    assert_eq!(said.len(), 3);
}
