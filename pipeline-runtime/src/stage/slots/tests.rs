//! Futures in reusable places: what is polled, and what comes back.

use std::sync::mpsc;

use futures::channel::oneshot;
use proptest::prelude::*;

use super::*;
use crate::watched::Watched;

/// So many places, all free.
fn with_places<F: Future>(count: usize) -> Slots<F, u64> {
    let mut slots = Slots::new();
    slots.make_room(count, count);
    slots
}

/// Starts a future; what it came to, if it was ready at once.
fn start<F: Future>(slots: &mut Slots<F, u64>, seq: u64, future: F) -> Option<F::Output> {
    match slots.start(future) {
        Ok(Poll::Ready(output)) => Some(output),
        Err(panicked) => panic!("it {panicked}"),
        Ok(Poll::Pending) => {
            slots.keep(seq, None);
            None
        }
    }
}

/// Polls what was woken; what came back.
fn polled<F: Future>(slots: &mut Slots<F, u64>, waker: &Waker) -> Vec<(u64, F::Output)> {
    let mut done = Vec::new();
    slots.register(&Context::from_waker(waker));
    slots.poll_woken(|started, output| {
        done.push((started, output.unwrap()));
    });
    done
}

#[test]
fn a_future_that_is_ready_at_once_never_keeps_its_place() {
    let mut slots = with_places(1);
    for seq in 0..3 {
        assert_eq!(start(&mut slots, seq, std::future::ready(seq)), Some(seq));
        assert!(slots.idle());
    }
}

#[test]
fn only_what_was_woken_is_polled() {
    let polls = Arc::new(Watched::default());
    let mut slots = with_places(2);
    let mut senders = Vec::new();
    for seq in 0..2 {
        let (sender, mut receiver) = oneshot::channel::<u64>();
        let polls = Arc::clone(&polls);
        senders.push(sender);
        let waits = std::future::poll_fn(move |cx| {
            polls.add(1);
            Pin::new(&mut receiver).poll(cx)
        });
        assert!(start(&mut slots, seq, waits).is_none());
    }
    assert_eq!(slots.room(2), 0);
    // New places are looked at once, in case that they were woken while they were made.
    let waker = Waker::noop();
    assert!(polled(&mut slots, waker).is_empty());
    let before = polls.get();
    assert!(polled(&mut slots, waker).is_empty());
    assert_eq!(polls.get(), before);
    senders.remove(1).send(7).unwrap();
    assert_eq!(polled(&mut slots, waker), [(1, Ok(7))]);
    assert_eq!(polls.get(), before + 1);
    assert_eq!(slots.room(2), 1);
}

#[test]
fn the_driver_is_woken_once_for_many_futures_and_again_after_it_has_looked() {
    let (woken, mut slots) = (Arc::new(Watched::default()), with_places(100));
    let waker = Waker::from(Arc::clone(&woken));
    let mut senders = Vec::new();
    for seq in 0..100 {
        let (sender, receiver) = oneshot::channel::<u64>();
        senders.push(sender);
        assert!(start(&mut slots, seq, receiver).is_none());
    }
    assert!(polled(&mut slots, &waker).is_empty());
    let late = senders.pop().unwrap();
    for (value, sender) in senders.into_iter().enumerate() {
        sender.send(value as u64).unwrap();
    }
    assert_eq!(woken.get(), 1);
    assert_eq!(polled(&mut slots, &waker).len(), 99);
    late.send(99).unwrap();
    assert_eq!(woken.get(), 2);
    assert_eq!(polled(&mut slots, &waker), [(99, Ok(99))]);
    assert!(slots.idle());
}

#[test]
fn what_runs_is_not_forgotten_when_places_are_added_and_not_stopped_when_fewer_are_allowed() {
    let (woken, mut slots) = (Arc::new(Watched::default()), with_places(2));
    let waker = Waker::from(Arc::clone(&woken));
    let mut senders = Vec::new();
    for seq in 0..2 {
        let (sender, receiver) = oneshot::channel::<u64>();
        senders.push(sender);
        assert!(start(&mut slots, seq, receiver).is_none());
    }
    assert!(polled(&mut slots, &waker).is_empty());
    assert_eq!(slots.room(70), 68);
    slots.make_room(68, 70);
    assert_eq!(slots.room(1), 0);
    assert!(polled(&mut slots, &waker).is_empty());
    let before = woken.get();
    for sender in senders {
        sender.send(5).unwrap();
    }
    assert_eq!(woken.get(), before + 1);
    assert_eq!(polled(&mut slots, &waker).len(), 2);
}

#[test]
fn wake_ups_from_other_threads_are_not_lost() {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut slots = with_places(7);
    let (work, works) = mpsc::channel::<oneshot::Sender<u64>>();
    let other =
        std::thread::spawn(move || works.into_iter().for_each(|sender| sender.send(1).unwrap()));
    let (mut started, mut ended) = (0, 0);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while ended < 5000 {
        while slots.room(7) > 0 && started < 5000 {
            let (sender, receiver) = oneshot::channel();
            work.send(sender).unwrap();
            ended += u64::from(start(&mut slots, started, receiver).is_some());
            started += 1;
        }
        let done = polled(&mut slots, &waker).len() as u64;
        ended += done;
        if done == 0 && slots.room(7) == 0 {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            assert!(!left.is_zero(), "a wake-up was lost");
            std::thread::park_timeout(left);
        }
    }
    drop(work);
    other.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_output_comes_back_once_with_its_number(
        places in 1_usize..130,
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 1..300),
    ) {
        let (mut slots, waker) = (with_places(places), Waker::noop());
        let (mut senders, mut back) = (Vec::new(), Vec::new());
        for seq in 0..order.len() as u64 {
            if slots.room(places) == 0 {
                let (seq, sender): (u64, oneshot::Sender<u64>) = senders.swap_remove(order[0].index(senders.len()));
                sender.send(seq).unwrap();
                back.extend(polled(&mut slots, waker));
            }
            let (sender, receiver) = oneshot::channel();
            senders.push((seq, sender));
            prop_assert!(start(&mut slots, seq, receiver).is_none());
        }
        for index in &order {
            if !senders.is_empty() {
                let (seq, sender) = senders.swap_remove(index.index(senders.len()));
                sender.send(seq).unwrap();
            }
        }
        back.extend(polled(&mut slots, waker));
        prop_assert!(slots.idle());
        back.sort_by_key(|(seq, _)| *seq);
        prop_assert!(back.iter().map(|(seq, _)| *seq).eq(0..order.len() as u64));
        prop_assert!(back.iter().all(|(seq, output)| *output == Ok(*seq)));
    }
}
