//! Where the arms of a `match` come together again in the order in which the items went into them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec;

use crate::flow::edge::{Held, Meter, Take};
use crate::flow::feed::{Batch, Feed};
use crate::flow::join::{self, Wakes};
use crate::flow::numbered::{Numbered, rank};
use crate::flow::pushing::emptied;
use crate::guard;
use crate::measure::counts::Counts;
use crate::ticket::{Carried, Carry, InTurn, Order};

/// How many items are asked for at least: they cost less together, and stay under the bound of their arm.
const ASKED: usize = 64;

/// What an arm hands on.
type Coming<T, K> = Carried<T, InTurn<K>>;

/// Hands on what is due. An arm keeps the order of its items, so what is due is the first that has come from an arm, or
/// it has not come yet, or it is lost, which is told. What is at hand is under the credits of its arm until it is handed
/// on.
pub(crate) struct Ordered<T, K> {
    arms: Vec<Arc<dyn Feed<Coming<T, K>>>>,
    order: Arc<Order>,
    wakes: Arc<Wakes>,
    rank: usize,
    state: Mutex<State<T, K>>,
    waker: Waker,
}

struct State<T, K> {
    hands: Vec<Hand<T, K>>,
    /// Of each arm: what was taken from it was emitted, what was handed on was handed on.
    counts: Vec<Counts>,
    stamps: u64,
    /// What was taken to be given back when it is used up: from which arm, and how much.
    kept: VecDeque<(usize, usize)>,
    /// Nobody wants more.
    gone: bool,
}

/// What has come from one arm.
struct Hand<T, K> {
    items: vec::IntoIter<Coming<T, K>>,
    /// The number of the first of them, if there is one.
    first: u64,
    /// How many of them were handed on and are still under the arm's credits.
    used: usize,
    ended: bool,
}

/// Greater than any number: nothing is at hand.
const NOTHING: u64 = u64::MAX;

impl<T, K: Carry> Hand<T, K> {
    #[inline]
    fn look(&mut self) {
        let first = self.items.as_slice().first();
        self.first = first.map_or(NOTHING, |first| first.ticket.number());
    }
}

impl<T: Send + 'static, K: Carry> Ordered<T, K> {
    pub(crate) fn new(of: &Numbered, arms: Vec<Arc<dyn Feed<Coming<T, K>>>>) -> Self {
        let hand = |_: &_| Hand {
            items: Vec::new().into_iter(),
            first: NOTHING,
            used: 0,
            ended: false,
        };
        Self {
            state: Mutex::new(State {
                hands: arms.iter().map(hand).collect(),
                counts: vec![Counts::default(); arms.len()],
                stamps: 0,
                kept: VecDeque::new(),
                gone: false,
            }),
            arms,
            rank: rank(),
            waker: join::waker(&of.wakes),
            order: Arc::clone(&of.order),
            wakes: Arc::clone(&of.wakes),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what is due and at hand, up to `want` items.
    fn hand_on(&self, hands: &mut [Hand<T, K>], want: usize, out: &mut Vec<Carried<T, K>>) {
        let mut order = self.order.lock();
        while out.len() < want {
            let due = order.due();
            // What has no number is nobody's turn: it goes on at once.
            let Some(hand) = hands.iter_mut().find(|hand| hand.first <= due) else {
                break;
            };
            if hand.first == due {
                order.pass();
            }
            let Some(coming) = hand.items.next() else {
                break;
            };
            out.push(coming.arrived());
            hand.used += 1;
            hand.look();
        }
    }

    /// Asks the arms of which nothing is at hand; whether that has brought something, be it an end.
    fn ask(&self, state: &mut State<T, K>, want: usize) -> bool {
        let take = Take {
            each: false,
            keep: true,
        };
        let cx = &mut Context::from_waker(&self.waker);
        let mut any = false;
        for ((hand, counts), arm) in state
            .hands
            .iter_mut()
            .zip(&mut state.counts)
            .zip(&self.arms)
        {
            if hand.ended || hand.first != NOTHING {
                continue;
            }
            let mut taken = Batch::new();
            taken.items = emptied(std::mem::take(&mut hand.items));
            let polled = arm.poll_take(0, cx, want.max(ASKED), &mut taken, take);
            counts.emitted += taken.items.len() as u64;
            hand.items = std::mem::take(&mut taken.items).into_iter();
            hand.look();
            hand.ended = matches!(polled, Poll::Ready(None));
            any |= polled.is_ready();
        }
        any
    }
}

impl<T: Send + 'static, K: Carry> Feed<Carried<T, K>> for Ordered<T, K> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<T, K>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Before anything is looked at: who is woken by what changes from here on is to find this one.
        self.wakes.lock().park(place, cx.waker());
        while !state.gone {
            self.hand_on(&mut state.hands, want, &mut batch.items);
            if batch.items.len() == want || !self.ask(state, want) {
                break;
            }
        }
        let items = batch.items.len();
        if items == 0 {
            let ended = state.gone || state.hands.iter().all(|hand| hand.ended);
            drop(guard);
            if ended {
                // Not itself: it may go on to wait for something else, and would be woken by each look of its own.
                self.wakes.lock().unpark(place);
                self.wakes.all();
                return Poll::Ready(None);
            }
            return Poll::Pending;
        }
        let stamp = state.stamps;
        state.stamps += if take.each { items as u64 } else { 1 };
        let mut used = Vec::new();
        for (arm, hand) in state.hands.iter_mut().enumerate() {
            let count = std::mem::take(&mut hand.used);
            if count > 0 {
                state.counts[arm].handed += count as u64;
                used.push((arm, count));
            }
        }
        if take.keep {
            state.kept.extend(used.drain(..));
        }
        drop(guard);
        for (arm, count) in used {
            self.arms[arm].used(count);
        }
        self.wakes.lock().unpark(place);
        // There may be more, and the arms may not have been asked: another one has to look.
        self.wakes.one();
        Poll::Ready(Some(stamp))
    }

    fn used(&self, items: usize) {
        let back = join::given_back(&mut self.lock().kept, items);
        for (arm, count) in back {
            self.arms[arm].used(count);
        }
    }

    fn unpark(&self, place: usize) {
        // Another one goes on in any case: if this one had been chosen already, its turn is lost otherwise.
        self.wakes.lock().unpark(place);
        self.wakes.one();
    }

    fn share(&self) -> usize {
        let shares = self.arms.iter().map(|arm| arm.share());
        shares.max().unwrap_or(1)
    }
}

impl<T, K> Ordered<T, K> {
    /// Nobody wants more: wakes everyone; what is at hand is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gone = true;
        let hands = state.hands.iter_mut();
        let left: Vec<_> = hands.map(|hand| std::mem::take(&mut hand.items)).collect();
        drop(state);
        guard::let_go_of(left.into_iter().flatten());
        self.wakes.all();
    }
}

impl<T, K> Drop for State<T, K> {
    fn drop(&mut self) {
        let hands = self.hands.drain(..);
        guard::let_go_of(hands.flat_map(|hand| hand.items));
    }
}

impl<T: Send, K: Send> Meter for Ordered<T, K> {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn rank(&self) -> usize {
        self.rank
    }
}

impl<T, K> Held for MutexGuard<'_, State<T, K>> {
    fn lanes(&self) -> &[Counts] {
        &self.counts
    }
}
