//! Where a `match` divides the items of an edge: a lane for each arm.
//!
//! There is nobody whose work is to divide. Who wants an item and finds its lane empty asks the edge in front, and puts
//! what is not its own into the other lanes. What waits in a lane is still under the credits of that edge.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::vec;

use crate::flow::edge::{Held, Meter, Take, Waiters};
use crate::flow::feed::{Batch, Feed};
use crate::flow::numbered::{Numbers, rank};
use crate::flow::pushing::emptied;
use crate::guard;
use crate::measure::counts::Counts;
use crate::ticket::{Carried, Carry, Turn};

/// How many items are asked for at least: they cost less together, and are no more in memory than before.
const ASKED: usize = 64;

/// An item that belongs into one of several lanes.
pub trait Divided: Send + 'static {
    /// The lane.
    fn lane(&self) -> usize;
}

/// `E` comes from the edge, with tickets `A`; `N` says what tickets the lanes have.
pub(crate) struct Split<E, A: Carry, N: Numbers<A>> {
    feed: Arc<dyn Feed<Carried<E, A>>>,
    numbers: N,
    rank: usize,
    state: Mutex<State<E, A, N::Ticket>>,
    /// Whether the edge has more since it was asked last, as far as it has said.
    due: AtomicBool,
    /// What the edge wakes.
    waker: Waker,
}

struct State<E, A, B> {
    lanes: Vec<Queue<E, B>>,
    /// Those of the lanes: what came in was emitted, what was taken was handed on.
    counts: Vec<Counts>,
    taken: Batch<Carried<E, A>>,
    /// Whose turn it is to be woken.
    turn: usize,
    /// Nothing more comes from the edge.
    ended: bool,
    /// Nobody wants more.
    gone: bool,
}

struct Queue<E, B> {
    waiting: Waiting<Carried<E, B>>,
    stamps: u64,
    waiters: Waiters,
}

/// What waits in a lane.
struct Waiting<T> {
    /// What is being taken.
    front: vec::IntoIter<T>,
    back: Vec<T>,
}

impl<T> Waiting<T> {
    fn new() -> Self {
        Self {
            front: Vec::new().into_iter(),
            back: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves up to `want` items, as `own` takes them out.
    fn take<U>(&mut self, want: usize, own: impl Fn(T) -> U, out: &mut Vec<U>) {
        let mut room = want;
        while room > 0 {
            if self.front.len() == 0 {
                if self.back.is_empty() {
                    return;
                }
                let back = emptied(std::mem::take(&mut self.front));
                self.front = std::mem::replace(&mut self.back, back).into_iter();
            }
            let taken = room.min(self.front.len());
            out.extend(self.front.by_ref().take(taken).map(&own));
            room -= taken;
        }
    }

    fn all(self) -> impl Iterator<Item = T> {
        self.front.chain(self.back)
    }
}

/// Wakes one of those who wait for items, of whichever lane.
struct Woken<E, A: Carry, N: Numbers<A>>(Weak<Split<E, A, N>>);

impl<E: Divided, A: Carry, N: Numbers<A>> Wake for Woken<E, A, N> {
    fn wake(self: Arc<Self>) {
        if let Some(split) = self.0.upgrade() {
            // Relaxed: it is read under the lock that is taken next, by whoever is woken.
            split.due.store(true, Ordering::Relaxed);
            let mut state = split.lock();
            let next = state.choose();
            drop(state);
            next.into_iter().for_each(Waker::wake);
        }
    }
}

impl<E, A, B> State<E, A, B> {
    /// Someone who waits, of the lanes in turn.
    fn choose(&mut self) -> Option<Waker> {
        let count = self.lanes.len();
        let lanes = (0..count).map(|step| (self.turn + step) % count);
        let lane = lanes
            .into_iter()
            .find(|lane| self.lanes[*lane].waiters.any())?;
        self.turn = lane + 1;
        self.lanes[lane].waiters.choose()
    }

    fn everyone(&mut self) -> Vec<Waker> {
        let lanes = self.lanes.iter_mut();
        lanes.flat_map(|lane| lane.waiters.choose_all()).collect()
    }
}

impl<E: Divided, A: Carry, N: Numbers<A>> Split<E, A, N> {
    /// With so many lanes.
    pub(crate) fn new(feed: Arc<dyn Feed<Carried<E, A>>>, numbers: N, lanes: usize) -> Arc<Self> {
        let queue = || Queue {
            waiting: Waiting::new(),
            stamps: 0,
            waiters: Waiters::default(),
        };
        Arc::new_cyclic(|split| Self {
            feed,
            numbers,
            rank: rank(),
            state: Mutex::new(State {
                lanes: (0..lanes).map(|_| queue()).collect(),
                counts: vec![Counts::default(); lanes],
                taken: Batch::new(),
                turn: 0,
                ended: false,
                gone: false,
            }),
            due: AtomicBool::new(false),
            waker: Waker::from(Arc::new(Woken(Weak::clone(split)))),
        })
    }

    pub(crate) fn numbers(&self) -> &N {
        &self.numbers
    }

    fn lock(&self) -> MutexGuard<'_, State<E, A, N::Ticket>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `want` items of a lane, as `own` takes them out.
    fn poll_take<T>(
        &self,
        (lane, own): (usize, impl Fn(E) -> T),
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        out: &mut Vec<Carried<T, N::Ticket>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let taken = |carried: Carried<E, N::Ticket>| Carried {
            item: own(carried.item),
            ticket: carried.ticket,
        };
        state.lanes[lane].waiting.take(want, taken, out);
        let (mut woken, mut left) = (Vec::new(), Vec::new());
        // Relaxed: see `Woken`.
        if out.is_empty() || self.due.load(Ordering::Relaxed) {
            // Before the edge is asked: who is woken by what it brings is to find this one.
            state.lanes[lane].waiters.park(place, cx.waker());
            self.ask(state, (lane, &taken), want, out, (&mut woken, &mut left));
        }
        let Queue {
            waiting,
            stamps,
            waiters,
        } = &mut state.lanes[lane];
        if out.is_empty() {
            let ended = state.ended || state.gone;
            if ended {
                waiters.unpark(place);
            }
            drop(guard);
            drop(left);
            woken.into_iter().for_each(Waker::wake);
            return if ended {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        waiters.unpark(place);
        if !waiting.is_empty() {
            woken.extend(waiters.choose());
        }
        let (stamp, count) = (*stamps, out.len() as u64);
        *stamps += if take.each { count } else { 1 };
        state.counts[lane].handed += count;
        drop(guard);
        // Only now: who waits for them may be behind another split, whose lock this one's may be taken under.
        drop(left);
        if !take.keep {
            self.feed.used(out.len());
        }
        woken.into_iter().for_each(Waker::wake);
        Poll::Ready(Some(stamp))
    }

    /// Asks the edge until it has nothing more, and will say when it has: then whoever waits here is woken.
    fn ask<T>(
        &self,
        state: &mut State<E, A, N::Ticket>,
        (own, taken): (
            usize,
            &impl Fn(Carried<E, N::Ticket>) -> Carried<T, N::Ticket>,
        ),
        want: usize,
        out: &mut Vec<Carried<T, N::Ticket>>,
        (woken, left): (&mut Vec<Waker>, &mut Vec<Turn>),
    ) {
        let State {
            lanes,
            counts,
            taken: batch,
            ended,
            gone,
            ..
        } = state;
        if *ended || *gone {
            return;
        }
        let take = Take {
            each: false,
            keep: true,
        };
        let cx = &mut Context::from_waker(&self.waker);
        // Relaxed: under the lock, as where it is read. What is said from here on is said again.
        self.due.store(false, Ordering::Relaxed);
        loop {
            match self.feed.poll_take(0, cx, want.max(ASKED), batch, take) {
                Poll::Pending => break,
                Poll::Ready(None) => {
                    *ended = true;
                    woken.extend(lanes.iter_mut().flat_map(|lane| lane.waiters.choose_all()));
                    break;
                }
                Poll::Ready(Some(_)) => {}
            }
            let mut numbering = self.numbers.numbering();
            for Carried { item, ticket } in batch.items.drain(..) {
                let lane = item.lane();
                let ticket = N::number(&mut numbering, lane, ticket, left);
                let carried = Carried { item, ticket };
                counts[lane].emitted += 1;
                // Nothing of its own waits as long as there is room.
                if lane == own && out.len() < want {
                    out.push(taken(carried));
                } else {
                    lanes[lane].waiting.back.push(carried);
                }
            }
        }
        for (number, lane) in lanes.iter_mut().enumerate() {
            if number != own && !lane.waiting.is_empty() {
                woken.extend(lane.waiters.choose());
            }
        }
    }

    fn unpark(&self, lane: usize, place: usize) {
        let mut state = self.lock();
        let was_chosen = !state.lanes[lane].waiters.unpark(place);
        // It may have been chosen to ask the edge, or to take what is in its lane.
        let next = if !was_chosen {
            None
        } else if !state.lanes[lane].waiting.is_empty() && state.lanes[lane].waiters.any() {
            state.lanes[lane].waiters.choose()
        } else {
            // Relaxed: see `Woken`.
            let due = self.due.load(Ordering::Relaxed);
            due.then(|| state.choose()).flatten()
        };
        drop(state);
        next.into_iter().for_each(Waker::wake);
    }
}

impl<E, A, B> Drop for State<E, A, B> {
    fn drop(&mut self) {
        let lanes = self.lanes.drain(..);
        guard::let_go_of(lanes.flat_map(|lane| lane.waiting.all()));
    }
}

impl<E: Divided, A: Carry, N: Numbers<A>> Split<E, A, N> {
    /// Nobody wants more: wakes everyone; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.gone = true;
        let woken = state.everyone();
        let left = state
            .lanes
            .iter_mut()
            .map(|lane| std::mem::replace(&mut lane.waiting, Waiting::new()));
        let left: Vec<_> = left.collect();
        drop(state);
        guard::let_go_of(left.into_iter().flat_map(Waiting::all));
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<E: Divided, A: Carry, N: Numbers<A>> Meter for Split<E, A, N> {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock())
    }

    fn rank(&self) -> usize {
        self.rank
    }
}

impl<E, A, B> Held for MutexGuard<'_, State<E, A, B>> {
    fn lanes(&self) -> &[Counts] {
        &self.counts
    }
}

/// One lane, as the workers of its arm see it.
pub(crate) struct Lane<E, A: Carry, N: Numbers<A>, F> {
    pub(crate) split: Arc<Split<E, A, N>>,
    pub(crate) lane: usize,
    /// Takes an item of the lane out of what comes from the edge.
    pub(crate) own: F,
}

impl<E: Divided, A: Carry, N: Numbers<A>, T, F> Feed<Carried<T, N::Ticket>> for Lane<E, A, N, F>
where
    F: Fn(E) -> T + Send + Sync,
{
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<T, N::Ticket>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let own = (self.lane, &self.own);
        self.split
            .poll_take(own, place, cx, want, &mut batch.items, take)
    }

    fn used(&self, items: usize) {
        self.split.feed.used(items);
    }

    fn unpark(&self, place: usize) {
        self.split.unpark(self.lane, place);
    }

    fn share(&self) -> usize {
        self.split.feed.share()
    }
}
