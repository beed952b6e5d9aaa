//! Promises 61, 66 and 67 where something is kept inside a loop: it ends all the same, and nothing is lost with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::{feedback, queue};

use crate::deliveries::{conserved, filled};
use crate::fakes::{Log, in_time};

/// What each page of a ring of 40 links to: every page is linked to three times.
fn links(page: u64) -> [u64; 3] {
    [(page + 1) % 40, (page * 7) % 40, (page + 13) % 40]
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_drops_what_it_has_seen_ends_with_all_of_it() {
    let (again, input) = feedback(200, vec![0_u64, 5]);
    let seen = Log::default();
    let visits = seen.clone();
    let running = pipeline! {
        [input]
        dedup(|page| *page) with { most: 1000 },
        :async 4 tap(async |page| visits.push(*page)) with { unordered },
        flat_map(links),
        :drive again,
    }
    .spawn();
    let report = in_time(running).await.unwrap();
    let mut seen = seen.take();
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>(), "{report}");
    let dedup = report.stage("dedup").unwrap();
    assert_eq!((dedup.entered, dedup.done), (2 + 3 * 40, 40), "{report}");
    assert!(report.conserved(), "{report}");
}

/// A message whose page fails at first is not acknowledged as a copy of itself when it comes again.
#[tokio::test(start_paused = true)]
async fn a_message_whose_part_of_a_loop_fails_comes_again_and_passes_what_has_seen_it() {
    let queue = filled([0_u64]).await;
    let deliveries = queue.clone().deliveries().until_idle();
    let deliveries = deliveries.wait(Duration::from_millis(1));
    let stats = deliveries.stats();
    let pages = pipeline! { [deliveries] map(|message| *message) };
    let (again, input) = feedback(200, pages);
    let (seen, tries) = (Log::default(), Arc::new(Mutex::new(HashMap::new())));
    let visits = seen.clone();
    let running = pipeline! {
        [input, queue::nacks(Duration::from_secs(1))]
        use tries;
        dedup(|page| *page) with { most: 1000 },
        :async 4 map(async |page: u64| {
            let mut tries = tries.lock().unwrap();
            let times = tries.entry(page).or_insert(0);
            *times += 1;
            // Far into the loop.
            if page == 27 && *times < 3 { Err("not yet") } else { Ok(page) }
        })?,
        tap(|page| visits.push(*page)),
        flat_map(links),
        :drive again,
    }
    .spawn();
    let report = in_time(running).await.unwrap();
    let counts = conserved(&stats);
    // It fails once or twice in the first delivery: three pages link to it.
    assert_eq!((counts.acked, counts.in_flight), (1, 0));
    assert!((1..=2).contains(&counts.nacked), "{counts:?}");
    let mut seen = seen.take();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (0..40).collect::<Vec<_>>(), "{report}");
}

/// Nothing else would come that could fill the state: the loop waits for what the state keeps.
#[tokio::test(start_paused = true)]
async fn a_state_inside_a_loop_goes_on_with_what_it_has_and_the_loop_ends() {
    let queue = filled(0..10_u64).await;
    let deliveries = queue.clone().deliveries().until_idle();
    let deliveries = deliveries.wait(Duration::from_millis(1));
    let stats = deliveries.stats();
    let pages = pipeline! { [deliveries] map(|message| (*message, 0)) };
    let (again, input) = feedback(200, pages);
    let written = sink::collect();
    let rounds = written.clone();
    let running = pipeline! {
        [input]
        // Never full with ten.
        stateful(
            Vec::new(),
            |open: &mut Vec<(u64, u32)>, item| {
                open.push(item);
                if open.len() < 16 { Vec::new() } else { std::mem::take(open) }
            },
            |open| open
        ) with { held: 16 },
        match |item| item.1 {
            3 => { map(|(page, _)| page), :drive rounds },
            _ => { map(|(page, round)| (page, round + 1)), :drive again },
        }
    }
    .spawn();
    let report = in_time(running).await.unwrap();
    let mut pages = written.take();
    pages.sort_unstable();
    assert_eq!(pages, (0..10).collect::<Vec<_>>(), "{report}");
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.nacked), (10, 0), "{report}");
}
