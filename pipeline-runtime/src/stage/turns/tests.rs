//! Items that wait for their keys: who gets which, and when.

use std::sync::Arc;

use super::*;
use crate::watched::Watched;

struct Worker {
    place: usize,
    woken: Arc<Watched>,
    /// The keys of what it was given and has not given back.
    has: Vec<u64>,
}

/// What a worker was given: keys and numbers.
type Given = Vec<(u64, u64)>;

impl Worker {
    fn at(place: usize) -> Self {
        Self {
            place,
            woken: Arc::default(),
            has: Vec::new(),
        }
    }

    fn asks(&self, want: usize) -> Asks {
        Asks {
            place: self.place,
            want,
        }
    }

    fn given(&mut self, mine: &[Turn<()>]) -> Given {
        self.has.extend(mine.iter().map(|turn| turn.key));
        mine.iter().map(|turn| (turn.key, turn.seq)).collect()
    }

    /// Brings items of these keys, numbered from `first`.
    fn brings(&mut self, turns: &Turns<()>, first: u64, keys: &[u64], want: usize) -> Given {
        let turn = |(seq, &key): (u64, &u64)| Turn {
            seq,
            key,
            item: (),
            hold: None,
        };
        let mut taken = Taken {
            first,
            count: keys.len(),
            turns: (first..).zip(keys).map(turn).collect(),
        };
        let mut mine = Vec::new();
        turns.enter(self.asks(want), &mut taken, &mut mine);
        self.given(&mine)
    }

    /// Gives back what it has, and asks for more.
    fn polls(&mut self, turns: &Turns<()>, want: usize) -> Given {
        let waker = Waker::from(Arc::clone(&self.woken));
        let (mut cx, mut mine) = (Context::from_waker(&waker), Vec::new());
        let found = turns.poll(self.asks(want), &mut cx, &mut self.has, &mut mine);
        assert_eq!(found, !mine.is_empty());
        self.given(&mine)
    }

    fn woken(&self) -> usize {
        self.woken.take()
    }
}

#[test]
fn one_item_of_a_key_is_given_and_the_next_when_it_is_back() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(one.brings(&turns, 0, &[7, 7, 8], 9), [(7, 0), (8, 2)]);
    assert_eq!(two.brings(&turns, 3, &[7, 9], 9), [(9, 4)]);
    assert_eq!(two.polls(&turns, 9), []);
    assert_eq!(one.polls(&turns, 9), [(7, 1)]);
    assert_eq!(one.polls(&turns, 9), [(7, 3)]);
    assert_eq!(one.polls(&turns, 9), []);
}

#[test]
fn what_comes_too_early_waits_for_what_was_taken_before_it() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(two.brings(&turns, 2, &[7, 8], 9), []);
    assert!(!turns.is_over());
    assert_eq!(one.brings(&turns, 0, &[7, 9], 9), [(7, 0), (9, 1), (8, 3)]);
    assert_eq!(one.polls(&turns, 9), [(7, 2)]);
    assert!(turns.is_over());
}

#[test]
fn more_than_is_wanted_wakes_who_waits_and_the_oldest_goes_first() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(two.polls(&turns, 1), []);
    assert_eq!(one.brings(&turns, 0, &[5, 6, 7], 1), [(5, 0)]);
    assert_eq!(two.woken(), 1);
    assert_eq!(two.polls(&turns, 1), [(6, 1)]);
    assert_eq!(one.brings(&turns, 3, &[5], 0), []);
    assert_eq!(one.polls(&turns, 2), [(7, 2), (5, 3)]);
}

#[test]
fn who_works_on_one_after_the_other_is_given_a_key_in_a_row() {
    let (turns, mut one, mut two) = (Turns::new(true), Worker::at(0), Worker::at(1));
    let given = [(7, 0), (8, 1), (7, 2), (7, 3)];
    assert_eq!(one.brings(&turns, 0, &[7, 8, 7, 7, 7, 7], 4), given);
    assert_eq!(two.polls(&turns, 4), []);
    assert_eq!(one.polls(&turns, 4), [(7, 4), (7, 5)]);
}

#[test]
fn a_worker_that_may_take_no_more_leaves_its_keys_to_others() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(one.brings(&turns, 0, &[7, 7], 1), [(7, 0)]);
    assert_eq!(two.polls(&turns, 1), []);
    turns.leave(&mut one.has);
    assert_eq!(two.woken(), 1);
    assert_eq!(two.polls(&turns, 1), [(7, 1)]);
}

#[test]
fn a_worker_that_was_chosen_and_goes_on_with_something_else_has_another_woken() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(one.polls(&turns, 1), []);
    assert_eq!(two.polls(&turns, 1), []);
    let mut three = Worker::at(2);
    assert_eq!(three.brings(&turns, 0, &[7, 8], 1), [(7, 0)]);
    assert_eq!((one.woken(), two.woken()), (1, 0));
    turns.unpark(0);
    assert_eq!(two.woken(), 1);
}

#[test]
fn all_are_told_when_nothing_is_left_to_wait_for() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(one.brings(&turns, 0, &[7, 7], 1), [(7, 0)]);
    assert_eq!(two.polls(&turns, 1), []);
    assert!(!turns.is_over(), "an item waits");
    assert_eq!(one.polls(&turns, 1), [(7, 1)]);
    assert_eq!(two.woken(), 1);
    assert!(turns.is_over());
}

#[test]
fn a_stop_drops_what_waits_and_what_still_comes() {
    let (turns, mut one, mut two) = (Turns::new(false), Worker::at(0), Worker::at(1));
    assert_eq!(one.brings(&turns, 0, &[7, 7], 1), [(7, 0)]);
    assert_eq!(two.polls(&turns, 1), []);
    turns.close();
    assert_eq!(two.woken(), 1);
    assert_eq!(two.brings(&turns, 2, &[8], 1), []);
    assert_eq!(one.polls(&turns, 1), []);
    assert!(turns.is_over());
}
