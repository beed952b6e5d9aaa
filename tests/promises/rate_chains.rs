//! `rate` of several stages, one behind the other: each keeps its own, and the slowest is that of the pipeline.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use tokio::time::Instant;

use crate::fakes::{Log, in_time};

/// When each stage was called, in milliseconds.
#[derive(Clone)]
struct Calls {
    start: Instant,
    times: [Log<u64>; 3],
}

impl Calls {
    fn new() -> Self {
        let (start, times) = (Instant::now(), Default::default());
        Self { start, times }
    }

    fn note(&self, stage: usize) {
        let time = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        self.times[stage].push(time);
    }

    fn take(&self) -> [Vec<u64>; 3] {
        self.times.each_ref().map(Log::take)
    }
}

fn evenly(every: u64, calls: u64) -> Vec<u64> {
    (0..calls).map(|call| every * call).collect()
}

/// When each item leaves a stage that keeps their order, of the times of its calls and whose they were: two threads may
/// ask for a place in another order than they took their items.
fn handed_on(times: &[u64], turns: &[u64]) -> Vec<u64> {
    let mut called: Vec<_> = turns.iter().zip(times).collect();
    called.sort_unstable();
    let mut before = 0;
    let left = called.into_iter().map(|(_, &time)| {
        before = before.max(time);
        before
    });
    left.collect()
}

/// When they are called by one who takes each as it comes, so long after the one before at the least.
fn evenly_behind(every: u64, left: &[u64]) -> Vec<u64> {
    let mut free = 0;
    let calls = left.iter().map(|&time| {
        let call = time.max(free);
        free = call + every;
        call
    });
    calls.collect()
}

/// No two begin sooner one after the other.
fn is_no_faster(times: &[u64], than: u64) {
    let faster = times.windows(2).find(|pair| pair[1] - pair[0] < than);
    assert_eq!(faster, None, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_slowest_rate_of_a_chain_is_kept_to_the_item_and_no_other_is_exceeded() {
    for window in [2_usize, 3, 8] {
        let (calls, out) = (Calls::new(), sink::collect());
        let (first, second, third) = (calls.clone(), calls.clone(), calls.clone());
        let turns = Log::default();
        let noted = turns.clone();
        let running = pipeline! {
            [0..20_u64]
            :async 2 map(async |x| { first.note(0); x }) with { name: "first", rate: Rate::per_second(100), buffer: 1, window: window },
            :block 2 map(|x| { second.note(1); noted.push(x); x }) with { name: "second", rate: Rate::per_second(40), buffer: 1, window: window },
            2 map(|x| { third.note(2); x }) with { name: "third", rate: Rate::per_second(200), buffer: 1, window: window },
            :drive out.clone()
        };
        let report = in_time(running.run()).await.unwrap();
        let [first, second, third] = calls.take();
        assert_eq!(second, evenly(25, 20), "{report}");
        is_no_faster(&first, 10);
        let left = handed_on(&second, &turns.take());
        assert_eq!(third, evenly_behind(5, &left), "{report}");
        assert_eq!(out.take(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn retries_of_one_stage_of_a_chain_take_no_place_of_another() {
    let (calls, failed) = (Calls::new(), Arc::new(Mutex::new(HashSet::new())));
    let (first, second, out) = (calls.clone(), calls.clone(), sink::collect());
    let running = pipeline! {
        [0..10_u64]
        use failed;
        :async 4 map(async |x| {
            first.note(0);
            if failed.lock().unwrap().insert(x) { Err("not yet") } else { Ok(x) }
        })? with { rate: Rate::per_second(50), retry: Retry::fixed(2, Duration::ZERO) },
        :async 4 map(async |x| { second.note(1); x }) with { rate: Rate::per_second(100) },
        :drive out.clone()
    };
    let report = in_time(running.run()).await.unwrap();
    let [first, second, _] = calls.take();
    assert_eq!(first, evenly(20, 20), "{report}");
    assert_eq!(second.len(), 10, "{report}");
    is_no_faster(&second, 10);
    assert_eq!(out.take(), (0..10).collect::<Vec<_>>());
}
