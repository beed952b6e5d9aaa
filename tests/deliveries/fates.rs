//! What becomes of an item becomes of its delivery.

use std::sync::Arc;
use std::time::Duration;

use brigade::Pipeline;
use brigade::prelude::*;
use brigade::queue::Delivery;

use crate::fakes::{Gate, LEASE, PATIENCE, conserved, filled, received, until};

#[tokio::test(start_paused = true)]
async fn what_a_sink_has_written_is_acknowledged() {
    let numbers = filled(0..1000_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        map(|number| *number + 1),
        :async 8 map(|number| async move { number * 2 }),
        4 map(|number| number + 1),
        :drive 2 sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1000).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
    assert_eq!(conserved(&stats).in_flight, 0);
}

#[tokio::test]
async fn stages_on_threads_carry_tickets_as_others_do() {
    let numbers = filled(0..1000_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        :block 2 map(|number| *number),
        :block map(|number| number + 1) with { pool },
        :block map(Ok::<u64, String>)? with { retry: Retry::exponential(2) },
        :block map(|number| number) with { timeout: Duration::from_secs(60) },
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 1000).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_before_the_sink_has_written_it() {
    let numbers = filled([1_u64]).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let running = pipeline! {
        [deliveries]
        use gate;
        map(|number| *number),
        :drive sink::each_async(move |_number| { let gate = gate.clone(); async move { gate.pass().await } }),
    }
    .spawn();
    until(&stats, |counts| counts.received == 1).await;
    tokio::time::sleep(10 * LEASE).await;
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.in_flight, numbers.len()), (0, 1, 1));
    gate.open();
    until(&stats, |counts| counts.acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_stage_drops_on_purpose_is_acknowledged() {
    let numbers = filled(0..100_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        filter(|number| **number % 2 == 0),
        :async 4 filter_map(|number| async move { (*number % 3 == 0).then_some(number) }),
        2 filter(|number| **number % 5 == 0),
        flat_map(|number| (0..*number % 2).collect::<Vec<_>>()),
        :drive sink::each(|number: u64| assert!(number > 100, "none is left")),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 100).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_stage_drops_on_purpose_is_delivered_again_where_the_source_says_so() {
    let numbers = filled(0..4_u64).await;
    let deliveries = numbers.clone().deliveries().nack_filtered();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        filter(|number| **number != 1),
        flat_map(|number| (0..*number).collect::<Vec<_>>()),
        filter(|number| *number != 1),
        :drive sink::each(|_number: u64| {}),
    }
    .spawn();
    // 0 had no outputs, 1 was dropped, of 2 and 3 something is left.
    until(&stats, |counts| counts.acked == 2 && counts.nacked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(received(&numbers, Duration::ZERO).await.is_empty());
    let mut again = received(&numbers, LEASE).await;
    again.sort_unstable();
    assert_eq!(again, [(0, 2), (1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn the_explicit_form_acknowledges_what_reaches_its_end() {
    let orders = filled(["a".to_owned(), "b".to_owned()]).await;
    let deliveries = orders.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        push_task(original),
        let length = original.len(),
        tap(|m| assert_eq!(m.length, 1)),
        pop_task(original),
        tap(|delivery: &Delivery<String>| assert_eq!(delivery.receive_count(), 1)),
        :drive queue::acks(),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(orders.is_empty());
}

fn doubled() -> Segment<Arc<u64>, u64> {
    pipeline! { map(|number| 2 * *number), :async 4 map(|number| async move { number }) }
}

#[tokio::test(start_paused = true)]
async fn a_segment_passes_tickets_through() {
    let numbers = filled(0..100_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        map(|number| Arc::new(*number)),
        through(doubled()),
        :async 100 tap(async |_number| passing.pass().await),
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.received == 100).await;
    gate.let_pass(40);
    until(&stats, |counts| counts.acked == 40).await;
    gate.open();
    until(&stats, |counts| counts.acked == 100).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(numbers.is_empty());
}

/// The inner pipelines, as their tails are: run in place, behind workers, and boxed.
async fn passes_tickets_on<S>(
    make: impl FnOnce(queue::Deliveries<queue::Memory<u64>>) -> Pipeline<u64, (), S>,
) where
    Pipeline<u64, (), S>: source::Input<Item = u64>,
{
    let numbers = filled(0..100_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let inner = make(deliveries);
    let running = pipeline! {
        [inner, queue::nacks(Duration::from_millis(10))]
        :async 4 map(|number| async move { if number == 7 { Err("seven") } else { Ok(number) } })?,
        :drive sink::each(|_number| {}),
    }
    .spawn();
    until(&stats, |counts| counts.acked == 99 && counts.nacked > 3).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(numbers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_undriven_pipeline_as_an_input_passes_its_tickets_on() {
    passes_tickets_on(|deliveries| pipeline! { [deliveries] map(|number| *number) }).await;
    passes_tickets_on(
        |deliveries| pipeline! { [deliveries] :async 4 map(|number| async move { *number }) },
    )
    .await;
    passes_tickets_on(|deliveries| pipeline! { [deliveries] map(|number| *number) }.boxed()).await;
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_stream_is_acknowledged_when_the_next_is_asked_for() {
    let numbers = filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let stats = deliveries.stats();
    let mut stream = pipeline! { [deliveries] map(|number| *number) }.stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    tokio::time::sleep(LEASE).await;
    assert_eq!(conserved(&stats).acked, 0);
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    until(&stats, |counts| counts.acked == 1).await;
    drop(stream);
    until(&stats, |counts| counts.nacked == 2).await;
    let mut again = received(&numbers, Duration::ZERO).await;
    again.sort_unstable();
    // The other has only waited.
    assert_eq!(again, [(1, 2), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_is_acknowledged_when_all_of_it_is_there() {
    let numbers = filled(0..100_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let collected: Vec<u64> = pipeline! {
        [deliveries]
        :async 4 map(|number| async move { *number }),
        // At the end nothing is acknowledged yet.
        tap(move |_number| assert_eq!(conserved(&stats).acked, 0)),
    }
    .collect()
    .await
    .unwrap();
    assert!(collected.into_iter().eq(0..100));
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_collected_until_a_failure_is_delivered_again() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries().prefetch(1);
    let stats = deliveries.stats();
    let collected: Result<Vec<u64>, _> = pipeline! {
        [deliveries]
        map(|number| if *number == 7 { Err("seven") } else { Ok(*number) })?,
    }
    .collect()
    .await;
    let said = collected.unwrap_err().to_string();
    assert!(said.starts_with("map: seven, at memory/"), "{said}");
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked, counts.in_flight), (0, 8, 0));
    assert_eq!(numbers.len(), 10);
}
