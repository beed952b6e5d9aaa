//! Where a `tee` hands on the items of an edge, and beside each what was made of it for the side line.
//!
//! As behind a `match` there is nobody whose work it is to do so. Who wants something and finds its line empty asks the edge
//! in front, and puts into both lines what has come. What waits in them is still under the credits of that edge: an item and
//! what was made of it under one, which goes back when both lines have taken theirs.
//!
//! Of a lossy side line it goes back when the main line has taken the item. What waits for the side line is then under a bound
//! of its own, and what finds that full does not go in.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::flow::edge::{Held, Meter, Take, Waiters};
use crate::flow::feed::{Batch, Feed};
use crate::flow::numbered::rank;
use crate::guard;
use crate::measure::counts::Counts;
use crate::ticket::{Carried, Carry};

/// How many items are asked for at least: they cost less together, and are no more in memory than before.
const ASKED: usize = 64;

/// The places of the lines among what is counted by lines.
pub(crate) const MAIN: usize = 0;
pub(crate) const SIDE: usize = 1;

pub(crate) struct Tee<T, S, A> {
    feed: Arc<dyn Feed<Carried<(T, S), A>>>,
    rank: usize,
    state: Mutex<State<T, S, A>>,
    /// Whether the edge has more since it was asked last, as far as it has said.
    due: AtomicBool,
    /// What the edge wakes.
    waker: Waker,
}

pub(crate) struct State<T, S, A> {
    main: Line<T, A>,
    side: Line<S, A>,
    /// What came into a line was emitted, what was taken was handed on.
    counts: [Counts; 2],
    /// How much of each line is used up.
    used: [u64; 2],
    /// How many items the side line may be behind, where nothing waits for it.
    lag: Option<usize>,
    /// Nobody wants more of the side line.
    left: bool,
    /// What it has no room for, to be let go.
    over: Vec<S>,
    taken: Batch<Carried<(T, S), A>>,
    /// Whether the side line is woken before the main one.
    turn: bool,
    /// Nothing more comes from the edge.
    ended: bool,
    /// Nobody wants more.
    gone: bool,
}

pub(crate) struct Line<I, A> {
    items: VecDeque<Carried<I, A>>,
    stamps: u64,
    waiters: Waiters,
}

impl<I, A> Line<I, A> {
    fn new() -> Self {
        Self {
            items: VecDeque::new(),
            stamps: 0,
            waiters: Waiters::default(),
        }
    }

    /// One who waits, if there is something for it.
    fn choose(&mut self) -> Option<Waker> {
        if self.items.is_empty() {
            return None;
        }
        self.waiters.choose()
    }
}

/// One of the lines.
pub(crate) trait Which<T, S>: 'static {
    type Item: Send + 'static;
    const PLACE: usize;

    fn line<A>(state: &mut State<T, S, A>) -> &mut Line<Self::Item, A>;
}

/// The line that the items go on in.
pub(crate) struct Main;

/// The one of what is made of them.
pub(crate) struct Side;

impl<T: Send + 'static, S> Which<T, S> for Main {
    type Item = T;
    const PLACE: usize = MAIN;

    fn line<A>(state: &mut State<T, S, A>) -> &mut Line<T, A> {
        &mut state.main
    }
}

impl<T, S: Send + 'static> Which<T, S> for Side {
    type Item = S;
    const PLACE: usize = SIDE;

    fn line<A>(state: &mut State<T, S, A>) -> &mut Line<S, A> {
        &mut state.side
    }
}

/// Wakes one of those who wait for items, of whichever line.
struct Woken<T, S, A>(Weak<Tee<T, S, A>>);

impl<T: Send + 'static, S: Send + 'static, A: Carry> Wake for Woken<T, S, A> {
    fn wake(self: Arc<Self>) {
        if let Some(tee) = self.0.upgrade() {
            // Relaxed: it is read under the lock that is taken next, by whoever is woken.
            tee.due.store(true, Ordering::Relaxed);
            let next = tee.lock().choose();
            next.into_iter().for_each(Waker::wake);
        }
    }
}

impl<T, S, A> State<T, S, A> {
    /// Someone who waits, of the lines in turn.
    fn choose(&mut self) -> Option<Waker> {
        self.turn = !self.turn;
        let (main, side) = (&mut self.main.waiters, &mut self.side.waiters);
        let (first, second) = if self.turn {
            (side, main)
        } else {
            (main, side)
        };
        first.choose().or_else(|| second.choose())
    }

    fn everyone(&mut self) -> Vec<Waker> {
        let mut all = self.main.waiters.choose_all();
        all.extend(self.side.waiters.choose_all());
        all
    }

    /// So much of a line is used up: how many credits that gives back.
    fn uses(&mut self, line: usize, items: usize) -> usize {
        let by_all = |used: &[u64; 2]| match self.lag {
            None => used[MAIN].min(used[SIDE]),
            Some(_) => used[MAIN],
        };
        let before = by_all(&self.used);
        self.used[line] += items as u64;
        let back = by_all(&self.used) - before;
        usize::try_from(back).expect("no more than what is in memory")
    }
}

impl<T: Send + 'static, S: Send + 'static, A: Carry> Tee<T, S, A> {
    /// `lag` is how many items the side line may be behind, where nothing waits for it.
    pub(crate) fn new(feed: Arc<dyn Feed<Carried<(T, S), A>>>, lag: Option<usize>) -> Arc<Self> {
        Arc::new_cyclic(|tee| Self {
            feed,
            rank: rank(),
            state: Mutex::new(State {
                main: Line::new(),
                side: Line::new(),
                counts: Default::default(),
                used: [0; 2],
                lag,
                left: false,
                over: Vec::new(),
                taken: Batch::new(),
                turn: false,
                ended: false,
                gone: false,
            }),
            due: AtomicBool::new(false),
            waker: Waker::from(Arc::new(Woken(Weak::clone(tee)))),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T, S, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `want` items of a line.
    fn poll_take<L: Which<T, S>>(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        out: &mut Vec<Carried<L::Item, A>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut woken = Vec::new();
        // Relaxed: see `Woken`.
        if L::line(state).items.is_empty() || self.due.load(Ordering::Relaxed) {
            // Before the edge is asked: who is woken by what it brings is to find this one.
            L::line(state).waiters.park(place, cx.waker());
            self.ask(state, want, &mut woken);
        }
        let over = std::mem::take(&mut state.over);
        let ended = state.ended || state.gone || L::PLACE == SIDE && state.left;
        let line = L::line(state);
        let items = want.min(line.items.len());
        if items == 0 {
            if ended {
                line.waiters.unpark(place);
            }
            drop(guard);
            guard::let_go_of(over);
            woken.into_iter().for_each(Waker::wake);
            return if ended {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        line.waiters.unpark(place);
        out.extend(line.items.drain(..items));
        let stamp = line.stamps;
        line.stamps += if take.each { items as u64 } else { 1 };
        // Whoever is left of either line goes on with what there is.
        woken.extend(state.main.choose());
        woken.extend(state.side.choose());
        state.counts[L::PLACE].handed += items as u64;
        let back = if take.keep {
            0
        } else {
            state.uses(L::PLACE, items)
        };
        drop(guard);
        guard::let_go_of(over);
        self.give_back(back);
        woken.into_iter().for_each(Waker::wake);
        Poll::Ready(Some(stamp))
    }

    /// Asks the edge until it has nothing more, and will say when it has: then whoever waits here is woken.
    fn ask(&self, state: &mut State<T, S, A>, want: usize, woken: &mut Vec<Waker>) {
        if state.ended || state.gone {
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
            let asked = want.max(ASKED);
            match self.feed.poll_take(0, cx, asked, &mut state.taken, take) {
                Poll::Pending => return,
                Poll::Ready(None) => {
                    state.ended = true;
                    woken.extend(state.everyone());
                    return;
                }
                Poll::Ready(Some(_)) => state.enter(),
            }
        }
    }

    fn used(&self, line: usize, items: usize) {
        if items > 0 {
            let back = self.lock().uses(line, items);
            self.give_back(back);
        }
    }

    fn give_back(&self, credits: usize) {
        if credits > 0 {
            self.feed.used(credits);
        }
    }

    fn unpark<L: Which<T, S>>(&self, place: usize) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let line = L::line(state);
        let was_chosen = !line.waiters.unpark(place);
        // It may have been chosen to ask the edge, or to take what is in its line.
        let next = if was_chosen { line.choose() } else { None };
        // Relaxed: see `Woken`.
        let asks = was_chosen && next.is_none() && self.due.load(Ordering::Relaxed);
        let next = next.or_else(|| asks.then(|| state.choose()).flatten());
        drop(guard);
        next.into_iter().for_each(Waker::wake);
    }

    /// Nobody wants more of the side line: what waits in it is dropped, and what comes does not go into it.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.left = true;
        let woken = state.side.waiters.choose_all();
        let side = std::mem::take(&mut state.side.items);
        drop(state);
        guard::let_go_of(side);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Nobody wants more: wakes everyone; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.gone = true;
        let woken = state.everyone();
        let main = std::mem::take(&mut state.main.items);
        let side = std::mem::take(&mut state.side.items);
        drop(state);
        guard::let_go_of(main);
        guard::let_go_of(side);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T, S, A: Carry> State<T, S, A> {
    /// What was taken from the edge goes into both lines, as far as there is room in the side line.
    fn enter(&mut self) {
        let [main, side] = &mut self.counts;
        for Carried { item, ticket } in self.taken.items.drain(..) {
            let (item, made) = item;
            let room = !self.left && self.lag.is_none_or(|lag| self.side.items.len() < lag);
            if room {
                let ticket = match self.lag {
                    None => ticket.part(),
                    Some(_) => A::default(),
                };
                let item = made;
                self.side.items.push_back(Carried { item, ticket });
                side.emitted += 1;
            } else {
                self.over.push(made);
                side.skipped += 1;
            }
            self.main.items.push_back(Carried { item, ticket });
            main.emitted += 1;
        }
    }
}

impl<T, S, A> Drop for State<T, S, A> {
    fn drop(&mut self) {
        guard::let_go_of(self.main.items.drain(..));
        guard::let_go_of(self.side.items.drain(..));
        guard::let_go_of(self.over.drain(..));
    }
}

impl<T: Send + 'static, S: Send + 'static, A: Carry> Meter for Tee<T, S, A> {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock())
    }

    fn rank(&self) -> usize {
        self.rank
    }
}

impl<T, S, A> Held for MutexGuard<'_, State<T, S, A>> {
    fn lanes(&self) -> &[Counts] {
        &self.counts
    }
}

/// One line, as the workers see it who take from it.
pub(crate) struct Half<T, S, A, L> {
    tee: Arc<Tee<T, S, A>>,
    line: PhantomData<fn() -> L>,
}

impl<T, S, A, L> Half<T, S, A, L> {
    pub(crate) fn of(tee: &Arc<Tee<T, S, A>>) -> Self {
        Self {
            tee: Arc::clone(tee),
            line: PhantomData,
        }
    }
}

impl<T, S, A, L> Feed<Carried<L::Item, A>> for Half<T, S, A, L>
where
    T: Send + 'static,
    S: Send + 'static,
    A: Carry,
    L: Which<T, S>,
{
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<L::Item, A>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let out = &mut batch.items;
        self.tee.poll_take::<L>(place, cx, want, out, take)
    }

    fn used(&self, items: usize) {
        self.tee.used(L::PLACE, items);
    }

    fn unpark(&self, place: usize) {
        self.tee.unpark::<L>(place);
    }

    fn share(&self) -> usize {
        self.tee.feed.share()
    }
}
