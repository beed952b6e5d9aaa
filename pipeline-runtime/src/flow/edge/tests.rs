//! Credits, order and wake-ups of an edge, between threads and step by step.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::{Bound, Edge, Take, Waiters};
use crate::measure::counts::{Counts, Tally};
use crate::stage::block_on;
use crate::watched::Watched;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn woken() -> (Arc<Watched>, Waker) {
    let woken = Arc::new(Watched::default());
    (Arc::clone(&woken), Waker::from(woken))
}

fn edge(window: usize, limit: usize, ordered: bool) -> Edge<u64> {
    let bound = Bound {
        window,
        limit,
        automatic: false,
        floor: 1,
        extra: 0,
    };
    Edge::new(bound, ordered, Counts::of(1))
}

const EACH_CHUNK: Take = Take {
    each: false,
    keep: false,
};

/// What producers and consumers share, and how they behave.
struct Setting {
    edge: Edge<u64>,
    limit: usize,
    /// The next sequence number, and the items to come.
    input: Mutex<(u64, Range<u64>)>,
    alive: Watched,
    /// The producers that are left.
    live: Watched,
    output: Mutex<Vec<u64>>,
    /// The most items to ask for, on either side.
    wants: (usize, usize),
}

impl Setting {
    /// Takes from the input what there are credits for; drops every third item.
    fn produce(&self, place: usize) {
        let (want, mut out, mut tally) = (self.wants.0, Vec::new(), Tally::of(1, 0));
        while let Ok(credits) = block_on(poll_fn(|cx| self.edge.poll_credits(place, cx, want))) {
            let (seq, items) = {
                let (seq, items) = &mut *self.input.lock().unwrap();
                let taken: Vec<_> = items.take(credits).collect();
                *seq += u64::from(!taken.is_empty());
                (*seq, taken)
            };
            if items.is_empty() {
                self.edge.release(credits);
                break;
            }
            let kept = items.iter().filter(|item| *item % 3 != 0).count();
            let alive = self.alive.add(kept);
            assert!(alive <= self.limit, "{alive} alive, at most {}", self.limit);
            tally.resolved += items.len() as u64;
            out.extend(items.into_iter().filter(|item| item % 3 != 0));
            let seq = seq - 1;
            self.edge
                .submit(seq, &mut out, credits, &mut tally, None, false);
            assert!(out.is_empty());
        }
        if self.live.sub(1) == 0 {
            self.edge.end();
        }
    }

    fn consume(&self, place: usize) {
        let (take, mut out) = (
            Take {
                keep: true,
                ..EACH_CHUNK
            },
            Vec::new(),
        );
        let mut taking = |cx: &mut Context<'_>| {
            self.edge
                .poll_take(place, cx, self.wants.1, &mut out, take)
                .map(|stamp| stamp.map(|_| std::mem::take(&mut out)))
        };
        while let Some(items) = block_on(poll_fn(&mut taking)) {
            let used = items.len();
            assert!((1..=self.wants.1).contains(&used));
            self.output.lock().unwrap().extend(items);
            self.alive.sub(used);
            self.edge.used(used);
        }
    }
}

/// Runs each of the two functions in as many threads, and waits for all of them.
fn run(setting: &Arc<Setting>, (producers, consumers): (usize, usize)) {
    let (ended, end) = mpsc::channel();
    setting.live.add(producers);
    for worker in 0..producers + consumers {
        let (setting, ended) = (Arc::clone(setting), ended.clone());
        thread::spawn(move || {
            match worker.checked_sub(producers) {
                None => setting.produce(worker),
                Some(place) => setting.consume(place),
            }
            ended.send(()).unwrap();
        });
    }
    drop(ended);
    for _ in 0..producers + consumers {
        end.recv_timeout(PATIENCE)
            .expect("a wake-up was lost, or a worker has failed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_out_once_in_order_and_within_the_limit_and_nobody_sleeps_for_ever(
        (producers, consumers) in (1_usize..5, 1_usize..4),
        (window, buffer) in (1_usize..12, 1_usize..12),
        wants in (1_usize..9, 1_usize..9),
        ordered: bool,
        len in 0_u64..2000,
    ) {
        let limit = window + buffer;
        let setting = Arc::new(Setting {
            edge: edge(window, limit, ordered),
            limit,
            input: Mutex::new((0, 0..len)),
            live: Watched::default(),
            alive: Watched::default(),
            output: Mutex::default(),
            wants,
        });
        run(&setting, (producers, consumers));
        let mut output = std::mem::take(&mut *setting.output.lock().unwrap());
        if !ordered || consumers > 1 {
            output.sort_unstable();
        }
        prop_assert!(output.into_iter().eq((0..len).filter(|item| item % 3 != 0)));
        let state = setting.edge.lock();
        prop_assert_eq!(state.core.held(), 0);
        prop_assert_eq!(state.core.counts.resolved, len);
    }
}

/// Asks for credits, and expects so many.
fn credits(edge: &Edge<u64>, place: usize, want: usize, waker: &Waker, granted: usize) {
    let got = edge.poll_credits(place, &mut Context::from_waker(waker), want);
    match granted {
        0 => assert!(got.is_pending()),
        granted => assert!(
            matches!(got, Poll::Ready(Ok(got)) if got == granted),
            "{got:?}"
        ),
    }
}

/// Takes up to `want`, and expects these.
fn takes(edge: &Edge<u64>, waker: &Waker, want: usize, take: Take, items: &[u64]) {
    let mut out = Vec::new();
    let taken = edge.poll_take(0, &mut Context::from_waker(waker), want, &mut out, take);
    assert_eq!(out, items);
    assert_eq!(taken.is_pending(), items.is_empty());
}

fn submits(edge: &Edge<u64>, seq: u64, credits: usize, items: &[u64]) {
    edge.submit(
        seq,
        &mut items.to_vec(),
        credits,
        &mut Tally::of(1, 0),
        None,
        false,
    );
}

#[test]
fn credits_are_granted_up_to_the_window_and_then_as_items_are_emitted() {
    let (edge, (_, waker)) = (edge(3, 5, true), woken());
    credits(&edge, 0, 2, &waker, 2);
    credits(&edge, 0, 2, &waker, 1);
    credits(&edge, 0, 1, &waker, 0);
    // The second is not emitted before the first: its credit stays in the window.
    submits(&edge, 1, 1, &[2]);
    credits(&edge, 0, 9, &waker, 0);
    submits(&edge, 0, 2, &[0, 1]);
    // All three wait now: the limit leaves two.
    credits(&edge, 0, 9, &waker, 2);
}

#[test]
fn what_filters_drop_gives_its_credit_back_at_once() {
    let (edge, (_, waker)) = (edge(2, 2, true), woken());
    credits(&edge, 0, 2, &waker, 2);
    submits(&edge, 0, 2, &[]);
    credits(&edge, 0, 2, &waker, 2);
}

#[test]
fn credits_of_what_a_consumer_keeps_come_back_when_it_is_used_up() {
    let (edge, (_, waker)) = (edge(2, 2, true), woken());
    credits(&edge, 0, 2, &waker, 2);
    submits(&edge, 0, 2, &[1, 2]);
    takes(
        &edge,
        &waker,
        2,
        Take {
            keep: true,
            ..EACH_CHUNK
        },
        &[1, 2],
    );
    credits(&edge, 0, 2, &waker, 0);
    edge.used(1);
    credits(&edge, 0, 2, &waker, 1);
    edge.used(1);
    credits(&edge, 0, 2, &waker, 1);
}

#[test]
fn results_are_taken_in_order_whatever_the_order_of_completion() {
    let (edge, (_, waker)) = (edge(8, 8, true), woken());
    for place in 0..4 {
        credits(&edge, place, 2, &waker, 2);
    }
    submits(&edge, 2, 2, &[20, 21]);
    submits(&edge, 3, 2, &[30]);
    takes(&edge, &waker, 9, EACH_CHUNK, &[]);
    submits(&edge, 0, 2, &[0]);
    takes(&edge, &waker, 9, EACH_CHUNK, &[0]);
    submits(&edge, 1, 2, &[]);
    let mut rest = Vec::new();
    while rest.len() < 3 {
        let mut out = Vec::new();
        assert!(
            edge.poll_take(0, &mut Context::from_waker(&waker), 2, &mut out, EACH_CHUNK)
                .is_ready()
        );
        rest.append(&mut out);
    }
    assert_eq!(rest, [20, 21, 30]);
}

#[test]
fn without_an_order_results_are_taken_as_they_complete() {
    let (edge, (_, waker)) = (edge(4, 4, false), woken());
    credits(&edge, 0, 2, &waker, 2);
    submits(&edge, 1, 1, &[1]);
    takes(&edge, &waker, 1, EACH_CHUNK, &[1]);
    submits(&edge, 0, 1, &[0]);
    takes(&edge, &waker, 1, EACH_CHUNK, &[0]);
}

#[test]
fn a_consumer_is_woken_by_what_it_can_take_and_not_by_what_waits_for_its_turn() {
    let (edge, (_, waker), (taker, asleep)) = (edge(4, 4, true), woken(), woken());
    credits(&edge, 0, 2, &waker, 2);
    takes(&edge, &asleep, 1, EACH_CHUNK, &[]);
    submits(&edge, 1, 1, &[1]);
    assert_eq!(taker.take(), 0);
    submits(&edge, 0, 1, &[0]);
    assert_eq!(taker.take(), 1);
}

#[test]
fn a_producer_that_wants_one_item_is_woken_by_the_first_credit() {
    let (edge, (_, waker), (giver, asleep)) = (edge(4, 4, true), woken(), woken());
    credits(&edge, 0, 4, &waker, 4);
    submits(&edge, 0, 4, &[0, 1, 2, 3]);
    credits(&edge, 1, 1, &asleep, 0);
    takes(&edge, &waker, 1, EACH_CHUNK, &[0]);
    assert_eq!(giver.take(), 1);
}

#[test]
fn the_end_and_a_close_wake_everyone() {
    for close in [false, true] {
        let (edge, (giver, gives), (taker, takes_)) = (edge(1, 1, true), woken(), woken());
        credits(&edge, 0, 1, &gives, 1);
        credits(&edge, 0, 1, &gives, 0);
        takes(&edge, &takes_, 1, EACH_CHUNK, &[]);
        if close {
            edge.close();
        } else {
            edge.end();
        }
        assert_eq!((giver.take(), taker.take()), (1, 1));
        let end = edge.poll_take(
            0,
            &mut Context::from_waker(&takes_),
            1,
            &mut Vec::new(),
            EACH_CHUNK,
        );
        assert!(matches!(end, Poll::Ready(None)));
    }
}

#[test]
fn the_head_of_a_flat_map_gets_room_though_others_have_reserved_all_of_it() {
    let (edge, (_, waker)) = (edge(3, 4, true), woken());
    edge.rebound(|bound| Bound { extra: 1, ..bound });
    let emits = |seq, outputs: &mut Vec<u64>| {
        edge.poll_emit(
            seq,
            &mut Context::from_waker(&waker),
            outputs,
            1,
            &mut Tally::of(1, 0),
        )
    };
    credits(&edge, 0, 2, &waker, 2);
    // The second item reserves a place, a third item takes the one that was left.
    assert!(matches!(emits(1, &mut Vec::new()), Poll::Ready(Ok(1))));
    credits(&edge, 0, 1, &waker, 1);
    assert!(matches!(emits(0, &mut Vec::new()), Poll::Ready(Ok(1))));
    // One beyond the limit, and no more until that is used up.
    assert!(emits(0, &mut vec![7]).is_pending());
    takes(&edge, &waker, 1, EACH_CHUNK, &[7]);
    assert!(matches!(emits(0, &mut Vec::new()), Poll::Ready(Ok(1))));
}

#[test]
fn a_place_among_waiters_holds_one_waker_however_often_its_owner_polls() {
    let (mut waiters, (_, waker)) = (Waiters::default(), woken());
    waiters.park(3, &waker);
    waiters.park(3, &waker);
    assert!(waiters.choose().is_some());
    assert!(waiters.choose().is_none());
    assert!(!waiters.any());
}

#[test]
fn waiters_are_chosen_in_turn() {
    let mut waiters = Waiters::default();
    let places: Vec<_> = (0..3).map(|_| woken()).collect();
    for _ in 0..2 {
        for (place, (_, waker)) in places.iter().enumerate() {
            waiters.park(place, waker);
        }
        for (woken, _) in &places {
            waiters.choose().unwrap().wake();
            assert_eq!(woken.take(), 1);
        }
    }
}

#[test]
fn who_leaves_the_waiters_learns_whether_it_had_been_chosen() {
    let (mut waiters, (_, waker)) = (Waiters::default(), woken());
    waiters.park(0, &waker);
    assert!(waiters.unpark(0));
    waiters.park(0, &waker);
    drop(waiters.choose());
    assert!(!waiters.unpark(0));
    assert!(!waiters.unpark(7));
}

#[test]
fn a_chosen_consumer_that_goes_elsewhere_passes_its_wake_up_on() {
    let (edge, (_, waker)) = (edge(4, 4, true), woken());
    let (first, second) = (woken(), woken());
    for (place, (_, waker)) in [&first, &second].into_iter().enumerate() {
        let mut out = Vec::new();
        assert!(
            edge.poll_take(
                place,
                &mut Context::from_waker(waker),
                1,
                &mut out,
                EACH_CHUNK
            )
            .is_pending()
        );
    }
    credits(&edge, 0, 1, &waker, 1);
    submits(&edge, 0, 1, &[0]);
    assert_eq!((first.0.take(), second.0.take()), (1, 0));
    edge.unpark_taker(0);
    assert_eq!((first.0.take(), second.0.take()), (0, 1));
}
