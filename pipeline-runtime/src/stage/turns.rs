//! Items that wait for their key: of each key one at a time, in the order in which they came in.
//!
//! What waits has its credit and its sequence number, but no worker. A key is busy from the moment when a worker is given
//! an item of it until the worker says that its call has returned; the next of its items is then given to whoever asks.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use super::hashed::ByHash;
use crate::flow::edge::Waiters;
use crate::flow::feed::Hold;
use crate::guard;
use crate::run::control::Close;

/// An item whose turn it is, or will be.
#[derive(Debug)]
pub(crate) struct Turn<T> {
    pub(crate) seq: u64,
    /// The hash of its key.
    pub(crate) key: u64,
    pub(crate) item: T,
    /// Kept until the item is used up.
    pub(crate) hold: Option<Hold>,
}

/// What one taking brought: items that were numbered without a gap, less those that have no key.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    pub(crate) first: u64,
    pub(crate) count: usize,
    pub(crate) turns: Vec<Turn<T>>,
}

/// Who asks, for how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks {
    pub(crate) place: usize,
    pub(crate) want: usize,
}

/// The items of one group that wait for their keys.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// Whether a worker works on what it is given one after the other: then it may be given several of one key.
    in_row: bool,
    /// The number of the item that comes in next. What workers have taken they bring here in any order.
    next: u64,
    /// What came too early, by its first number, and how many numbers it covers.
    early: BTreeMap<u64, (usize, Vec<Turn<T>>)>,
    /// The keys that are busy, or free with items that wait.
    lines: ByHash<u64, Line<T>>,
    /// The keys that are free with items that wait, by the oldest of these: so the one that all others wait for where there
    /// is an order is never behind any of them.
    free: BinaryHeap<Reverse<(u64, u64)>>,
    /// Counts who is given items at once.
    giving: u64,
    /// Items that no worker has been given.
    waiting: usize,
    /// A worker has found that nothing more comes in.
    ending: bool,
    /// Nobody wants more.
    closed: bool,
    workers: Waiters,
}

/// The items of one key.
#[derive(Debug)]
struct Line<T> {
    /// How many of them a worker has.
    busy: usize,
    /// When it was given them.
    given: u64,
    waiting: VecDeque<Turn<T>>,
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        guard::let_go_of(self.clear());
    }
}

impl<T> Turns<T> {
    pub(crate) fn new(in_row: bool) -> Self {
        Self {
            state: Mutex::new(State {
                in_row,
                next: 0,
                early: BTreeMap::new(),
                lines: ByHash::default(),
                free: BinaryHeap::new(),
                giving: 0,
                waiting: 0,
                ending: false,
                closed: false,
                workers: Waiters::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls for items of these keys have `returned`; gives the worker who asks what is free by now, up to what it
    /// wants. Whether that was anything: if not, it is told of what will be.
    pub(crate) fn poll(
        &self,
        asks: Asks,
        cx: &mut Context<'_>,
        returned: &mut Vec<u64>,
        mine: &mut Vec<Turn<T>>,
    ) -> bool {
        let mut state = self.lock();
        let waited = state.waiting;
        state.leave(returned);
        state.give(asks.want, mine);
        if mine.is_empty() {
            state.workers.park(asks.place, cx.waker());
        } else {
            state.workers.unpark(asks.place);
        }
        wake(state, waited);
        !mine.is_empty()
    }

    /// The calls for items of these keys have returned, and who made them may take no more.
    pub(crate) fn leave(&self, returned: &mut Vec<u64>) {
        if returned.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.leave(returned);
        wake(state, 0);
    }

    /// Takes in what came from the feed, in the order of its numbers, whoever comes first; gives the worker who asks what
    /// of it, or of what waits, is free.
    pub(crate) fn enter(&self, asks: Asks, taken: &mut Taken<T>, mine: &mut Vec<Turn<T>>) {
        let mut state = self.lock();
        let waited = state.waiting;
        state.workers.unpark(asks.place);
        if state.closed {
            drop(state);
            return guard::let_go_of(taken.turns.drain(..));
        }
        if taken.first == state.next {
            state.giving += 1;
            state.line_up(taken.count, taken.turns.drain(..), asks.want, mine);
            while let Some((count, turns)) = state.next_early() {
                state.line_up(count, turns.into_iter(), asks.want, mine);
            }
        } else {
            state.waiting += taken.turns.len();
            let turns = std::mem::take(&mut taken.turns);
            state.early.insert(taken.first, (taken.count, turns));
        }
        state.give(asks.want, mine);
        wake(state, waited);
    }

    /// Nothing more comes in: whether there is nothing that a worker could still be given.
    pub(crate) fn is_over(&self) -> bool {
        let mut state = self.lock();
        state.ending = true;
        state.waiting == 0
    }

    /// A worker that waits here goes on with something else. If it had been chosen already, another one is woken.
    pub(crate) fn unpark(&self, place: usize) {
        let mut state = self.lock();
        if !state.workers.unpark(place) {
            wake(state, 0);
        }
    }
}

/// Wakes a worker for what is left, who wakes the next; all of them where the last of so many that `waited` was given away,
/// and nothing more comes in.
fn wake<T>(mut state: MutexGuard<'_, State<T>>, waited: usize) {
    let mut woken = Vec::new();
    if state.ending && waited > 0 && state.waiting == 0 {
        woken = state.workers.choose_all();
    } else if !state.free.is_empty() {
        woken.extend(state.workers.choose());
    }
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

impl<T> State<T> {
    fn next_early(&mut self) -> Option<(usize, Vec<Turn<T>>)> {
        let early = self.early.remove(&self.next)?;
        self.waiting -= early.1.len();
        Some(early)
    }

    /// Items come in: whose key is not busy may begin, up to what is wanted.
    fn line_up(
        &mut self,
        count: usize,
        turns: impl Iterator<Item = Turn<T>>,
        want: usize,
        mine: &mut Vec<Turn<T>>,
    ) {
        self.next += count as u64;
        for turn in turns {
            let (key, seq, wanted) = (turn.key, turn.seq, mine.len() < want);
            match self.lines.entry(key) {
                Entry::Vacant(place) if wanted => {
                    place.insert(Line {
                        busy: 1,
                        given: self.giving,
                        waiting: VecDeque::new(),
                    });
                    mine.push(turn);
                }
                Entry::Vacant(place) => {
                    place.insert(Line {
                        busy: 0,
                        given: 0,
                        waiting: VecDeque::from([turn]),
                    });
                    self.free.push(Reverse((seq, key)));
                    self.waiting += 1;
                }
                Entry::Occupied(mut line) => {
                    let line = line.get_mut();
                    let goes_on = self.in_row && line.given == self.giving;
                    if goes_on && wanted && line.waiting.is_empty() {
                        line.busy += 1;
                        mine.push(turn);
                    } else {
                        line.waiting.push_back(turn);
                        self.waiting += 1;
                    }
                }
            }
        }
    }

    /// Calls for items of these keys have returned.
    fn leave(&mut self, returned: &mut Vec<u64>) {
        for key in returned.drain(..) {
            let Entry::Occupied(mut line) = self.lines.entry(key) else {
                continue;
            };
            line.get_mut().busy -= 1;
            if line.get().busy > 0 {
                continue;
            }
            match line.get().waiting.front() {
                Some(next) => self.free.push(Reverse((next.seq, key))),
                None => drop(line.remove()),
            }
        }
    }

    /// Gives of what is free up to what is wanted.
    fn give(&mut self, want: usize, mine: &mut Vec<Turn<T>>) {
        self.giving += 1;
        while mine.len() < want
            && let Some(Reverse((_, key))) = self.free.pop()
            && let Some(line) = self.lines.get_mut(&key)
        {
            let most = if self.in_row { want - mine.len() } else { 1 };
            let given = most.min(line.waiting.len());
            mine.extend(line.waiting.drain(..given));
            line.busy = given;
            line.given = self.giving;
            self.waiting -= given;
        }
    }

    /// Moves everything out.
    fn clear(&mut self) -> Vec<Turn<T>> {
        self.waiting = 0;
        self.free.clear();
        let early = std::mem::take(&mut self.early).into_values();
        let lines = std::mem::take(&mut self.lines).into_values();
        let early = early.flat_map(|(_, turns)| turns);
        early.chain(lines.flat_map(|line| line.waiting)).collect()
    }
}

/// A thread may wait here alone, when its input has ended: nothing else would wake it.
impl<T: Send> Close for Turns<T> {
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let (dropped, woken) = (state.clear(), state.workers.choose_all());
        drop(state);
        guard::let_go_of(dropped);
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
