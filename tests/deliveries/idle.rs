//! A source that ends when nothing is left to do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Outgoing, memory};
use tokio::time::Instant;

use crate::fakes::{LEASE, Watched, conserved, filled};

/// The pages that a page of a tree of 63 links to.
fn links(page: u64) -> Vec<Outgoing<u64>> {
    let links = [2 * page, 2 * page + 1]
        .into_iter()
        .filter(|page| *page < 64);
    let link = |page: u64| Outgoing::new(page).id(page.to_string());
    links.map(link).collect()
}

#[derive(Clone, Default)]
struct Visited(Arc<Mutex<Vec<u64>>>);

impl Visited {
    fn add(&self, page: u64) {
        self.0.lock().unwrap().push(page);
    }

    /// Each page, once.
    fn has_all(&self) {
        let mut visited = self.0.lock().unwrap().clone();
        visited.sort_unstable();
        assert_eq!(visited, (1..64).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crawl_that_sends_to_its_own_queue_visits_everything() {
    for wait in [Duration::ZERO, Duration::from_millis(1), LEASE] {
        let pages = filled([1_u64]).await;
        let visited = Visited::default();
        let (visits, links_to) = (visited.clone(), pages.clone());
        let deliveries = pages.clone().deliveries().wait(wait).until_idle();
        pipeline! {
            [deliveries]
            :async 4 tap(async |page| {
                // Longer than the queue is asked for.
                tokio::time::sleep(Duration::from_secs(3)).await;
                visits.add(**page);
                links_to.send(links(**page)).await
            })?,
            :drive queue::acks(),
        }
        .run()
        .await
        .unwrap();
        visited.has_all();
        assert!(pages.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crawl_through_batches_that_are_never_full_visits_everything() {
    let pages = filled([1_u64]).await;
    let visited = Visited::default();
    let visits = visited.clone();
    let deliveries = pages.clone().deliveries().wait(LEASE).until_idle();
    pipeline! {
        [deliveries]
        tap(|page| visits.add(**page)),
        map(|page| *page),
        batch(1000),
        flat_map(|pages| pages.into_iter().flat_map(links)),
        batch(1000),
        flat_map(|links| links),
        :drive pages.clone().sink(),
    }
    .run()
    .await
    .unwrap();
    visited.has_all();
    assert!(pages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_back_with_a_delay_is_waited_for() {
    let hour = Duration::from_secs(3600);
    let numbers = filled([1_u64, 2, 3]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let begun = Instant::now();
    pipeline! {
        [deliveries, queue::nacks(hour)]
        map(|number| if number.receive_count() == 1 { Err("later") } else { Ok(*number) })?,
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap();
    assert!(begun.elapsed() >= hour);
    assert_eq!((conserved(&stats).acked, conserved(&stats).nacked), (3, 3));
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_does_not_keep_the_source_from_ending() {
    let numbers = Watched::filled(0..100_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let collected: Vec<_> = pipeline! {
        [deliveries]
        :async 4 flat_map(async |number| vec![*number; 2]),
        batch(7),
        map(|numbers| numbers.len()),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(collected.iter().sum::<usize>(), 200);
    assert_eq!(conserved(&stats).acked, 100);
    assert!(numbers.inner.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_segment_and_an_outer_pipeline_hold_back_is_let_go_of() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let inner = pipeline! { [deliveries] map(|number| *number), batch(1000) };
    let collected: Vec<_> = pipeline! {
        [inner]
        flat_map(|numbers| numbers),
        batch(1000),
        map(|numbers| numbers.len()),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(collected, [10]);
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_ends_the_source_after_its_wait() {
    let numbers = memory::<u64>();
    let begun = Instant::now();
    let deliveries = numbers.deliveries().wait(LEASE).until_idle();
    pipeline! { [deliveries] :drive sink::each(|_number| {}) }
        .run()
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), LEASE);
}
