//! Where the arms of a `match` come together again in the order in which the items went into them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec;

use crate::flow::edge::{Held, Meter, Take};
use crate::flow::feed::{Batch, Feed};
use crate::flow::join;
use crate::flow::numbered::rank;
use crate::flow::order::Order;
use crate::flow::pushing::emptied;
use crate::guard;
use crate::measure::counts::Counts;
use crate::ticket::{Carried, Carry, InTurn};

/// How many items are asked for at least: they cost less together, and stay under the bound of their arm.
const ASKED: usize = 64;

/// What an arm hands on.
type Coming<T, K> = Carried<T, InTurn<K>>;

/// Hands on what is due. An arm keeps the order of its items, so the first that has come from it is the one that is due
/// next of its lane, or that one is lost. What is at hand is under the credits of its arm until it is handed on.
pub(crate) struct Ordered<T, K> {
    arms: Vec<Arm<T, K>>,
    order: Arc<Order>,
    rank: usize,
    state: Mutex<State<T, K>>,
    waker: Waker,
}

/// An arm, and the lane of the split that it begins with.
pub(crate) struct Arm<T, K> {
    pub(crate) feed: Arc<dyn Feed<Coming<T, K>>>,
    pub(crate) lane: usize,
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
    /// How many of them were handed on and are still under the arm's credits.
    used: usize,
    ended: bool,
}

impl<T: Send + 'static, K: Carry> Ordered<T, K> {
    /// `arms` by lanes, where a lane that does not come back has none.
    pub(crate) fn new(order: Arc<Order>, arms: Vec<Arm<T, K>>) -> Self {
        let hand = |_: &Arm<T, K>| Hand {
            items: Vec::new().into_iter(),
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
            waker: join::waker(order.wakes()),
            order,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arm_of(&self, lane: usize) -> usize {
        let arm = self.arms.iter().position(|arm| arm.lane == lane);
        arm.expect("what is numbered comes back")
    }

    /// Moves what is due and at hand, up to `want` items; the arm that has to be asked for what is due then.
    fn hand_on(
        &self,
        state: &mut State<T, K>,
        want: usize,
        out: &mut Vec<Carried<T, K>>,
    ) -> Option<usize> {
        let mut order = self.order.lock();
        while let Some((number, lane)) = order.due() {
            let arm = self.arm_of(lane);
            let hand = &mut state.hands[arm];
            let turn = hand
                .items
                .as_slice()
                .first()
                .map(|first| &first.ticket.turn);
            let is_it = match turn {
                None if hand.ended => false,
                None => return Some(arm),
                // Where another one comes first, this one is lost and that is not told yet.
                Some(turn) => turn.as_ref().is_none_or(|turn| turn.number() <= number),
            };
            if is_it {
                if out.len() == want {
                    return None;
                }
                out.extend(hand.items.next().map(Carried::arrived));
                hand.used += 1;
            }
            order.pass();
        }
        None
    }

    /// Asks an arm; whether that has brought something, be it the end.
    fn ask(&self, state: &mut State<T, K>, arm: usize, want: usize) -> bool {
        let hand = &mut state.hands[arm];
        if hand.ended || hand.items.len() > 0 {
            return false;
        }
        let take = Take {
            each: false,
            keep: true,
        };
        let cx = &mut Context::from_waker(&self.waker);
        let mut taken = Batch::new();
        taken.items = emptied(std::mem::take(&mut hand.items));
        let polled = self.arms[arm]
            .feed
            .poll_take(0, cx, want.max(ASKED), &mut taken, take);
        state.counts[arm].emitted += taken.items.len() as u64;
        hand.items = std::mem::take(&mut taken.items).into_iter();
        hand.ended = matches!(polled, Poll::Ready(None));
        polled.is_ready()
    }
}

impl<T: Send + 'static, K: Carry> Ordered<T, K> {
    /// The same of all arms.
    fn ask_all(&self, state: &mut State<T, K>, want: usize) -> bool {
        let mut any = false;
        for arm in 0..self.arms.len() {
            any |= self.ask(state, arm, want);
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
        self.order.wakes().lock().park(place, cx.waker());
        while !state.gone {
            let goes_on = match self.hand_on(state, want, &mut batch.items) {
                _ if batch.items.len() == want => false,
                Some(arm) if self.ask(state, arm, want) => true,
                _ if !batch.items.is_empty() => false,
                // Nothing is due, or it has not come: the arms wake whoever waits here.
                _ => self.ask_all(state, want),
            };
            if !goes_on {
                break;
            }
        }
        let items = batch.items.len();
        if items == 0 {
            let ended = state.gone || state.hands.iter().all(|hand| hand.ended);
            drop(guard);
            if ended {
                // Not itself: it may go on to wait for something else, and would be woken by each look of its own.
                self.order.wakes().lock().unpark(place);
                self.order.wakes().all();
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
            self.arms[arm].feed.used(count);
        }
        self.order.wakes().lock().unpark(place);
        // There may be more, and the arms may not have been asked: another one has to look.
        self.order.wakes().one();
        Poll::Ready(Some(stamp))
    }

    fn used(&self, items: usize) {
        let back = join::given_back(&mut self.lock().kept, items);
        for (arm, count) in back {
            self.arms[arm].feed.used(count);
        }
    }

    fn unpark(&self, place: usize) {
        // Another one goes on in any case: if this one had been chosen already, its turn is lost otherwise.
        self.order.wakes().lock().unpark(place);
        self.order.wakes().one();
    }

    fn share(&self) -> usize {
        let shares = self.arms.iter().map(|arm| arm.feed.share());
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
        self.order.wakes().all();
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
