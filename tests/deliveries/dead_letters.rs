//! What a pipeline gives up on is written down, and only then acknowledged.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::DeadLetter;

use crate::fakes::{LEASE, Letters, PATIENCE, conserved, filled, received, until};

#[tokio::test(start_paused = true)]
async fn a_dead_letter_holds_all_that_is_known_of_the_failure() {
    let orders = filled(["12".to_owned(), "many".to_owned()]).await;
    let deliveries = orders.clone().deliveries().until_idle();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        push_task(order),
        let text = order.trim().to_owned(),
        :async 2 let count = async { text.parse::<u32>() }.await? with { retry: Retry::exponential(3) },
        map(|m| m.count),
        :drive sink::each(|count| assert_eq!(count, 12)),
    }
    .run()
    .await
    .unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.dead, counts.in_flight), (1, 1, 0));
    assert!(orders.is_empty());
    let [letter] = &letters.written()[..] else {
        panic!("{:?}", letters.written());
    };
    let DeadLetter {
        id,
        original,
        stage,
        command,
        cause,
        attempts,
        receive_count,
        frames,
        first_seen,
        failed_at,
        ..
    } = letter;
    assert!(!id.is_empty());
    assert_eq!(original, b"many");
    assert_eq!((stage.as_str(), *attempts, *receive_count), ("count", 3, 1));
    assert!(command.contains("text.parse"), "{command}");
    assert_eq!(cause, "invalid digit found in string");
    let keys: Vec<_> = frames.iter().map(|frame| frame.key.as_str()).collect();
    assert_eq!(keys, ["order", "text"]);
    assert!(first_seen <= failed_at);
}

#[tokio::test(start_paused = true)]
async fn attributes_are_there_for_stages_and_go_along_into_a_letter() {
    let orders = filled([]).await;
    let order = |text: &str, tenant: &str| {
        let message = queue::Outgoing::new(text.to_owned());
        message.attribute("tenant", tenant)
    };
    let sent = vec![order("12", "a"), order("many", "b")];
    orders.send(sent).await.unwrap();
    let (letters, tenants) = (Letters::default(), sink::collect());
    pipeline! {
        [orders.deliveries().until_idle(), queue::dead_letters(letters.clone())]
        push_task(order),
        let tenant = order.attributes().get("tenant").unwrap_or("none").to_owned(),
        let count = order.parse::<u32>()?,
        map(|m| (m.tenant, m.count)),
        :drive tenants.clone(),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(tenants.take(), [("a".to_owned(), 12)]);
    let letter = &letters.written()[0];
    assert_eq!(letter.attributes.get("tenant"), Some("b"));
    let again = letter.message::<String>().unwrap();
    assert_eq!(again.attributes, letter.attributes);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_tells_the_path_of_its_stage_as_the_report_does() {
    let numbers = filled([1_u64]).await;
    let letters = Letters::default();
    let strict = || pipeline! { map(|x: u64| if x == 0 { Ok(x) } else { Err("much") })? with { name: "check" } };
    let report = pipeline! {
        [numbers.clone().deliveries().until_idle(), queue::dead_letters(letters.clone())]
        map(|number| *number),
        through(strict()),
        :drive sink::each(|_| {}),
    }
    .run()
    .await
    .unwrap();
    let letter = &letters.written()[0];
    assert_eq!(letter.to_string(), "FAILED at strict/check (much)");
    assert_eq!(report.stage(&letter.stage).unwrap().failed, 1, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_a_dead_letter_even_where_the_failure_has_no_task() {
    let numbers = filled([1_u64, 2]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let letters = Letters::default();
    pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        // The function owns the delivery.
        map(|number| if *number == 2 { Err("two") } else { Ok(()) })?,
        :drive sink::each(|()| {}),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(letters.written()[0].original, b"2");
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_cannot_be_written_stops_the_pipeline_and_loses_nothing() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let letters = Letters::broken();
    let failure = pipeline! {
        [deliveries, queue::dead_letters(letters)]
        map(|number| if *number == 3 { Err("three") } else { Ok(*number) })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap_err();
    assert!(
        failure.to_string().contains("the disk is gone"),
        "{failure}"
    );
    let counts = conserved(&stats);
    assert_eq!((counts.dead, counts.in_flight), (0, 0));
    assert_eq!(u64::try_from(numbers.len()).unwrap(), 10 - counts.acked);
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_message_cannot_be_a_dead_letter() {
    let failure = pipeline! {
        [0..3, queue::dead_letters(Letters::default())]
        map(|number| if number == 1 { Err("one") } else { Ok(number) })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap_err();
    assert!(failure.to_string().contains("no message"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_delivered_too_often_is_a_dead_letter_by_itself() {
    let numbers = filled([1_u64, 2]).await;
    let letters = Letters::default();
    let deliveries = numbers.clone().deliveries().poison(3, letters.clone());
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::nacks(Duration::from_secs(1))]
        map(|number| if *number == 2 { Err("two") } else { Ok(*number) })?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.dead == 1).await;
    let counts = conserved(&stats);
    assert_eq!((counts.received, counts.acked, counts.nacked), (5, 1, 3));
    running.drain(PATIENCE).await.unwrap();
    let letter = &letters.written()[0];
    assert_eq!((&*letter.original, letter.receive_count), (&b"2"[..], 4));
    assert_eq!(letter.cause, "delivered 4 times; 3 are allowed");
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_message_whose_letter_cannot_be_written_stays_in_the_queue() {
    let numbers = filled([1_u64]).await;
    let letters = Letters::broken();
    let deliveries = numbers.clone().deliveries().poison(0, letters);
    let stats = deliveries.stats();
    let failure = pipeline! { [deliveries] :drive sink::each(|_number| {}) }
        .run()
        .await
        .unwrap_err();
    assert!(
        failure.to_string().contains("the disk is gone"),
        "{failure}"
    );
    assert_eq!(conserved(&stats).nacked, 1);
    assert_eq!(received(&numbers, LEASE).await, [(1, 2)]);
}
