use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{Budget, Flushes, Load};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // Relaxed: one thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Flushes for Woken {
    fn flush(&self) {
        // Relaxed: one thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn times(&self) -> usize {
        // Relaxed: one thread.
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn one(permit: super::load::Permit) -> Load {
    permit.loads([0]).next().unwrap()
}

#[test]
fn who_waits_is_woken_when_there_is_room_and_nobody_passes_it() {
    let budget = Budget::new(100);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = &mut Context::from_waker(&waker);
    let (mut first, mut second) = (budget.place(), budget.place());
    let Poll::Ready(held) = first.poll_take(cx, 60) else {
        panic!("it is empty");
    };
    let held = one(held);
    assert!(first.poll_take(cx, 50).is_pending());
    assert!(second.poll_take(cx, 1).is_pending(), "it comes behind");
    assert_eq!(woken.times(), 0);
    drop(held);
    assert_eq!(woken.times(), 1, "the first alone");
    let Poll::Ready(held) = first.poll_take(cx, 50) else {
        panic!("there is room");
    };
    assert_eq!(woken.times(), 1, "now the second");
    let Poll::Ready(more) = second.poll_take(cx, 1) else {
        panic!("there is room for it, too");
    };
    let usage = budget.usage();
    assert_eq!((usage.held, usage.peak, usage.waits), (51, 60, 2));
    drop((held, more));
    assert_eq!(budget.usage().held, 0);
}

#[test]
fn what_is_heavier_than_all_passes_alone() {
    let budget = Budget::new(10);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut place = budget.place();
    let Poll::Ready(giant) = place.poll_take(cx, 1_000) else {
        panic!("nothing is held");
    };
    assert!(place.poll_take(cx, 0).is_pending(), "nothing joins it");
    drop(giant);
    let Poll::Ready(small) = place.poll_take(cx, 1) else {
        panic!("it is gone");
    };
    assert!(place.poll_take(cx, 1_000).is_pending());
    drop(small);
    assert!(place.poll_take(cx, 1_000).is_ready());
}

#[test]
fn who_waits_and_goes_away_lets_the_next_one_in() {
    let budget = Budget::new(10);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = &mut Context::from_waker(&waker);
    let (mut first, mut second, mut third) = (budget.place(), budget.place(), budget.place());
    let held = first.poll_take(cx, 5);
    assert!(held.is_ready());
    assert!(second.poll_take(cx, 10).is_pending());
    assert!(third.poll_take(cx, 5).is_pending());
    drop(second);
    assert_eq!(woken.times(), 1);
    assert!(third.poll_take(cx, 5).is_ready());
}

#[test]
fn those_who_keep_all_of_it_are_told_when_somebody_waits_and_not_before() {
    let budget = Budget::new(100);
    let told = Arc::new(Woken::default());
    let pipeline: Arc<dyn Flushes> = told.clone();
    budget.flushes(Arc::downgrade(&pipeline));
    let cx = &mut Context::from_waker(Waker::noop());
    let mut place = budget.place();
    let Poll::Ready(permit) = place.poll_take(cx, 80) else {
        panic!("it is empty");
    };
    let mut loads: Vec<_> = permit.loads([0, 0]).collect();
    let part = loads[0].clone();
    let mut parked = Vec::new();
    loads[0].park(&mut parked);
    loads[1].park(&mut parked);
    assert!(place.poll_take(cx, 80).is_pending());
    assert_eq!(told.times(), 0, "a part is still on its way");
    drop(part);
    assert_eq!(told.times(), 1);
    // They are handed on, and another one is kept.
    parked.clear();
    loads.pop();
    assert_eq!(told.times(), 0);
    loads[0].park(&mut parked);
    assert_eq!(told.times(), 1);
    drop((loads, parked));
    assert!(place.poll_take(cx, 80).is_ready());
    assert_eq!(told.times(), 0);
}

#[test]
fn a_batch_holds_what_its_items_held_and_parks_all_of_it() {
    let budget = Budget::new(100);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut place = budget.place();
    let mut take = |bytes| match place.poll_take(cx, bytes) {
        Poll::Ready(permit) => one(permit),
        Poll::Pending => panic!("there is room"),
    };
    let batch = Load::all([take(10), Load::NONE, take(20)]);
    let copy = batch.clone();
    let told = Arc::new(Woken::default());
    let pipeline: Arc<dyn Flushes> = told.clone();
    budget.flushes(Arc::downgrade(&pipeline));
    assert_eq!(budget.usage().held, 30);
    let mut parked = Vec::new();
    copy.park(&mut parked);
    assert!(budget.place().poll_take(cx, 100).is_pending());
    assert_eq!(told.times(), 0, "the other one is on its way");
    batch.park(&mut parked);
    let mut place = budget.place();
    assert!(place.poll_take(cx, 100).is_pending());
    assert!(told.times() > 0, "all of it waits");
    drop((batch, copy, parked, place));
    assert_eq!(budget.usage().held, 0);
}
