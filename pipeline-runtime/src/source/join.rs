//! Several feeds as one: each is asked by one worker at a time, and the next worker asks the next.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::flow::edge::{Take, Waiters};
use crate::flow::feed::{Batch, Feed};
use crate::guard;
use crate::run::control::Close;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    /// That of who had none for longest.
    Fair,
    /// That of the first who has something.
    First,
    /// The next one's when one has ended.
    Last,
}

/// Several feeds as one. Its lock covers turns and wakers: no feed is asked under it.
pub(crate) struct Join<T> {
    turns: Turns,
    /// The numbers of takings, whatever feed they were from. The worker that has asked a feed takes them before another
    /// one may ask it: so the order of each is kept.
    stamps: AtomicU64,
    state: Mutex<State<T>>,
}

struct State<T> {
    parts: Vec<Part<T>>,
    /// Those that may have something.
    listed: VecDeque<usize>,
    /// How many have not ended, and how many may still be added, or are those who add them.
    open: usize,
    /// Places of those that have ended, for others.
    vacant: Vec<usize>,
    /// Nobody wants more.
    gone: bool,
    waiters: Waiters,
}

struct Part<T> {
    /// `None` once it has ended.
    feed: Option<(Arc<dyn Feed<T>>, Waker)>,
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It had nothing, and wakes us when it has.
    Waits,
    Listed,
    /// A worker asks it.
    Asked,
    /// The same, and it has something since.
    Woken,
}

/// Wakes a worker for one of the feeds.
struct Signal<T> {
    join: Weak<Join<T>>,
    part: usize,
}

impl<T: Send + 'static> Signal<T> {
    fn waker(join: &Weak<Join<T>>, part: usize) -> Waker {
        let join = Weak::clone(join);
        Waker::from(Arc::new(Self { join, part }))
    }
}

impl<T: Send + 'static> Wake for Signal<T> {
    fn wake(self: Arc<Self>) {
        if let Some(join) = self.join.upgrade() {
            join.woken(self.part);
        }
    }
}

impl<T: Send + 'static> Join<T> {
    pub(crate) fn new(feeds: Vec<Arc<dyn Feed<T>>>, turns: Turns) -> Arc<Self> {
        let open = feeds.len();
        let first = if turns == Turns::Last { 1 } else { open };
        Arc::new_cyclic(|join: &Weak<Self>| {
            let part = |(part, feed)| Part {
                feed: Some((feed, Signal::waker(join, part))),
                turn: if part < first {
                    Turn::Listed
                } else {
                    Turn::Waits
                },
            };
            Self {
                turns,
                stamps: AtomicU64::new(0),
                state: Mutex::new(State {
                    parts: feeds.into_iter().enumerate().map(part).collect(),
                    listed: (0..first.min(open)).collect(),
                    open,
                    vacant: Vec::new(),
                    gone: false,
                    waiters: Waiters::default(),
                }),
            }
        })
    }

    /// One that has no feeds yet, and does not end before it is let go.
    pub(crate) fn growing() -> Arc<Self> {
        let join = Self::new(Vec::new(), Turns::Fair);
        join.expect();
        join
    }

    /// It does not end before a feed is added, or this is let go.
    pub(crate) fn expect(&self) {
        self.lock().open += 1;
    }

    /// What was expected does not come.
    pub(crate) fn let_go(&self) {
        let mut state = self.lock();
        state.open -= 1;
        wake_at_end(state);
    }

    /// A feed that was expected.
    pub(crate) fn add(self: &Arc<Self>, feed: Arc<dyn Feed<T>>) {
        let mut state = self.lock();
        if state.gone {
            drop(state);
            guard::let_go_of([feed]);
            return;
        }
        let part = state.vacant.pop().unwrap_or(state.parts.len());
        let added = Part {
            feed: Some((feed, Signal::waker(&Arc::downgrade(self), part))),
            turn: Turn::Waits,
        };
        // Who woke the one that had the place before may wake this one: that is asked once for nothing.
        if part < state.parts.len() {
            state.parts[part] = added;
        } else {
            state.parts.push(added);
        }
        state.list(part);
        wake_next(state);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A feed has something, or has ended.
    fn woken(&self, part: usize) {
        let mut state = self.lock();
        let Some(Part { turn, .. }) = state.parts.get_mut(part) else {
            return;
        };
        match *turn {
            Turn::Asked => *turn = Turn::Woken,
            Turn::Waits => {
                state.list(part);
                wake_next(state);
            }
            Turn::Listed | Turn::Woken => {}
        }
    }

    /// What a feed had when it was asked: `more`, or nothing yet.
    fn asked(&self, part: usize, more: bool) {
        let mut state = self.lock();
        let turn = &mut state.parts[part].turn;
        if more || *turn == Turn::Woken {
            state.list(part);
            wake_next(state);
        } else {
            *turn = Turn::Waits;
        }
    }

    fn ended(&self, part: usize) {
        let mut state = self.lock();
        let feed = state.parts[part].feed.take();
        state.vacant.push(part);
        state.open -= 1;
        if self.turns == Turns::Last && part + 1 < state.parts.len() {
            state.list(part + 1);
        }
        wake_at_end(state);
        drop(feed);
    }
}

impl<T> State<T> {
    fn list(&mut self, part: usize) {
        self.parts[part].turn = Turn::Listed;
        self.listed.push_back(part);
    }

    /// The next one to be asked.
    fn next(&mut self, turns: Turns) -> Option<(usize, Arc<dyn Feed<T>>, Waker)> {
        let place = match turns {
            Turns::Fair | Turns::Last => 0,
            Turns::First => {
                let listed = self.listed.iter().enumerate();
                listed.min_by_key(|(_, part)| **part)?.0
            }
        };
        let part = self.listed.remove(place)?;
        self.parts[part].turn = Turn::Asked;
        let (feed, waker) = self.parts[part].feed.as_ref()?;
        Some((part, Arc::clone(feed), waker.clone()))
    }
}

/// Wakes all, if nothing more comes.
fn wake_at_end<T>(mut state: MutexGuard<'_, State<T>>) {
    let woken = if state.open == 0 {
        state.waiters.choose_all()
    } else {
        Vec::new()
    };
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

/// Wakes a worker if there is something to ask for. Whoever is woken wakes the next.
fn wake_next<T>(mut state: MutexGuard<'_, State<T>>) {
    let woken = if state.listed.is_empty() {
        None
    } else {
        state.waiters.choose()
    };
    drop(state);
    if let Some(waker) = woken {
        waker.wake();
    }
}

impl<T: Send + 'static> Feed<T> for Arc<Join<T>> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<T>,
        take: Take,
    ) -> Poll<Option<u64>> {
        // Each is asked once at most: one that wakes us while it is asked, and has nothing, wants others to go on first.
        let mut left = None;
        loop {
            let (part, feed, waker) = {
                let mut state = self.lock();
                if state.gone || state.open == 0 {
                    return Poll::Ready(None);
                }
                let left = left.get_or_insert(state.listed.len());
                let next = left.checked_sub(1).and_then(|less| {
                    *left = less;
                    state.next(self.turns)
                });
                if let Some(next) = next {
                    state.waiters.unpark(place);
                    next
                } else {
                    state.waiters.park(place, cx.waker());
                    wake_next(state);
                    return Poll::Pending;
                }
            };
            match feed.poll_take(0, &mut Context::from_waker(&waker), want, batch, take) {
                Poll::Ready(Some(_)) => {
                    let stamps = if take.each {
                        batch.items.len() as u64
                    } else {
                        1
                    };
                    // Relaxed: the lock orders the takings of each feed.
                    let stamp = self.stamps.fetch_add(stamps, Ordering::Relaxed);
                    self.asked(part, true);
                    return Poll::Ready(Some(stamp));
                }
                Poll::Ready(None) => self.ended(part),
                Poll::Pending => self.asked(part, false),
            }
        }
    }

    fn used(&self, _items: usize) {}

    fn unpark(&self, place: usize) {
        let mut state = self.lock();
        // If it had been chosen already, another one goes on.
        if !state.waiters.unpark(place) {
            wake_next(state);
        }
    }

    fn share(&self) -> usize {
        usize::MAX
    }
}

impl<T: Send + 'static> Close for Join<T> {
    fn close(&self) {
        let mut state = self.lock();
        state.gone = true;
        let woken = state.waiters.choose_all();
        // Whoever asks one has it until it has answered.
        let feeds = state.parts.iter_mut().map(|part| part.feed.take());
        let feeds: Vec<_> = feeds.collect();
        drop(state);
        guard::let_go_of(feeds);
        woken.into_iter().for_each(Waker::wake);
    }
}
