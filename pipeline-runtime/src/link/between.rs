//! What waits between the sinks and the inputs of a link.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use tokio::sync::Notify;

use crate::budget::KeptRoom;
use crate::guard;
use crate::name::Name;
use crate::run::idle::Idle;
use crate::run::links::Joins;
use crate::ticket::{Stake, Ticket};

/// What the ends of a link share.
pub(super) struct Between<T> {
    pub(super) capacity: usize,
    pub(super) name: Name,
    /// What is kept of an item that no message could bring again.
    pub(super) copy: fn(&T) -> Option<T>,
    state: Mutex<State<T>>,
    /// Tells those who put that there is room.
    room: Notify,
}

struct State<T> {
    /// In the order in which they were put.
    waiting: VecDeque<Waiting<T>>,
    /// The number of the next one.
    next: u64,
    /// How many of those that wait have a place: all but those that came back.
    placed: usize,
    /// Sinks that have not ended.
    sinks: usize,
    /// Whether there has been one.
    begun: bool,
    /// How often it is kept open.
    kept_open: usize,
    closed: bool,
    lost: u64,
    /// Whether there has been an input.
    wanted: bool,
    takers: Vec<Waker>,
    /// The pipelines that put, and those that take.
    before: Vec<Weak<Idle>>,
    behind: Vec<Weak<Idle>>,
}

pub(super) struct Waiting<T> {
    pub(super) number: u64,
    pub(super) item: T,
    pub(super) ticket: Ticket,
    has_place: bool,
}

/// What there is to take.
pub(super) enum Next<T> {
    Items(Vec<Waiting<T>>),
    Waits,
    End,
}

/// What became of what was to be put.
enum Put {
    All,
    /// There was no room for the others.
    Some,
    Closed,
}

impl<T> State<T> {
    fn has_ended(&self) -> bool {
        self.closed || (self.begun && self.sinks == 0 && self.kept_open == 0)
    }

    /// All who take, for any of them may be gone.
    fn takers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.takers)
    }
}

fn wake(takers: Vec<Waker>) {
    takers.into_iter().for_each(Waker::wake);
}

impl<T> Between<T> {
    pub(super) fn new(capacity: usize, copy: fn(&T) -> Option<T>) -> Self {
        Self {
            capacity,
            name: "link".into(),
            copy,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                next: 0,
                placed: 0,
                sinks: 0,
                begun: false,
                kept_open: 0,
                // Nothing fits into it, so nobody may wait for room.
                closed: capacity == 0,
                lost: 0,
                wanted: false,
                takers: Vec::new(),
                before: Vec::new(),
                behind: Vec::new(),
            }),
            room: Notify::new(),
        }
    }

    /// Nothing of a user's runs or is dropped while it is held, and no ticket is let go.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the items one behind the other, as there is room; those for which there was none when it was closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe for the link; items that have not been put are dropped.
    pub(super) async fn put(&self, items: Vec<(T, Stake)>) -> Result<(), Vec<T>> {
        let mut left = Left(items.into_iter());
        loop {
            // Enabled before the look: who makes room after it wakes this one.
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            match self.put_now(&mut left) {
                Put::All => return Ok(()),
                Put::Closed => return Err(left.items()),
                Put::Some => room.await,
            }
        }
    }

    /// Puts as many as there is room for.
    fn put_now(&self, left: &mut Left<T>) -> Put {
        let mut state = self.lock();
        if state.closed {
            return Put::Closed;
        }
        let free = self.capacity.saturating_sub(state.placed);
        let mut handed_over = Vec::with_capacity(free.min(left.0.len()));
        for (item, Stake { ticket, own, .. }) in left.0.by_ref().take(free) {
            handed_over.push(own);
            let number = state.next;
            state.next += 1;
            state.placed += 1;
            state.waiting.push_back(Waiting {
                number,
                item,
                ticket,
                has_place: true,
            });
        }
        let takers = if free == 0 {
            Vec::new()
        } else {
            state.takers()
        };
        let has_room = state.placed < self.capacity;
        drop(state);
        wake(takers);
        handed_over.into_iter().for_each(Ticket::handed_over);
        if left.0.len() > 0 {
            return Put::Some;
        }
        if has_room {
            // One is told of room at a time, and tells the next.
            self.room.notify_one();
        }
        Put::All
    }

    /// Takes up to `most`.
    pub(super) fn take(&self, most: usize, taker: &Waker) -> Next<T> {
        let mut state = self.lock();
        let count = most.min(state.waiting.len());
        if count == 0 {
            if state.has_ended() {
                return Next::End;
            }
            if !state.takers.iter().any(|known| known.will_wake(taker)) {
                state.takers.push(taker.clone());
            }
            return Next::Waits;
        }
        let items: Vec<_> = state.waiting.drain(..count).collect();
        let freed = items.iter().filter(|item| item.has_place).count();
        state.placed -= freed;
        drop(state);
        if freed > 0 {
            self.room.notify_one();
        }
        Next::Items(items)
    }

    /// An item that was taken is to be taken again: it goes where it was. Nobody can have waited for its place meanwhile,
    /// so it takes none.
    pub(super) fn put_back(&self, number: u64, item: T, room: KeptRoom) {
        let mut state = self.lock();
        let place = state
            .waiting
            .partition_point(|waiting| waiting.number < number);
        let waiting = Waiting {
            number,
            item,
            ticket: Ticket::null().loaded(room.load()),
            has_place: false,
        };
        state.waiting.insert(place, waiting);
        let takers = state.takers();
        drop(state);
        wake(takers);
    }

    /// An item that was taken is gone, and nothing was kept of it.
    pub(super) fn lost_one(&self) {
        self.lock().lost += 1;
    }

    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// One more sink.
    pub(super) fn begins(&self) {
        let mut state = self.lock();
        state.sinks += 1;
        state.begun = true;
    }

    /// One has ended.
    pub(super) fn ends(&self) {
        let mut state = self.lock();
        state.sinks -= 1;
        let takers = state.takers();
        drop(state);
        wake(takers);
    }

    pub(super) fn keep_open(&self) {
        self.lock().kept_open += 1;
    }

    pub(super) fn let_end(&self) {
        let mut state = self.lock();
        state.kept_open -= 1;
        let takers = state.takers();
        drop(state);
        wake(takers);
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let takers = state.takers();
        drop(state);
        wake(takers);
        self.room.notify_waiters();
    }

    /// What waits, out of a link that is closed.
    pub(super) fn left(&self) -> Vec<T> {
        let mut state = self.lock();
        if !state.closed {
            return Vec::new();
        }
        let left = std::mem::take(&mut state.waiting);
        state.placed = 0;
        drop(state);
        left.into_iter().map(|waiting| waiting.item).collect()
    }

    /// An input was asked for.
    pub(super) fn is_wanted(&self) {
        self.lock().wanted = true;
    }

    /// A pipeline puts into it. Where that one waits until nothing is left to do, those who take let go of what they keep.
    pub(super) fn is_behind(&self, idle: &Arc<Idle>) {
        let mut state = self.lock();
        add(&mut state.before, idle);
        let behind = state.behind.clone();
        drop(state);
        let behind = behind.iter().filter_map(Weak::upgrade);
        behind.for_each(|behind| idle.leads_to(&behind));
    }

    /// A pipeline takes from it.
    pub(super) fn is_before(&self, idle: &Arc<Idle>) {
        let mut state = self.lock();
        add(&mut state.behind, idle);
        let before = state.before.clone();
        drop(state);
        let before = before.iter().filter_map(Weak::upgrade);
        before.for_each(|before| before.leads_to(idle));
    }
}

impl<T: Send + 'static> Joins for Between<T> {
    fn name(&self) -> &Name {
        &self.name
    }

    fn keep_open(&self) {
        Self::keep_open(self);
    }

    fn let_end(&self) {
        Self::let_end(self);
    }

    fn close(&self) {
        Self::close(self);
    }

    fn has_begun(&self) -> bool {
        self.lock().begun
    }

    fn was_taken_from(&self) -> bool {
        self.lock().wanted
    }

    fn is_taken_from(&self) -> bool {
        let state = self.lock();
        state.behind.iter().any(|one| one.strong_count() > 0)
    }
}

/// Pipelines may be made again and again: those that are gone are forgotten.
fn add(all: &mut Vec<Weak<Idle>>, idle: &Arc<Idle>) {
    all.retain(|one| one.strong_count() > 0);
    all.push(Arc::downgrade(idle));
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        guard::let_go_of(self.waiting.drain(..));
    }
}

/// What is still to be put.
struct Left<T>(std::vec::IntoIter<(T, Stake)>);

impl<T> Left<T> {
    fn items(mut self) -> Vec<T> {
        self.0.by_ref().map(|(item, _stake)| item).collect()
    }
}

impl<T> Drop for Left<T> {
    fn drop(&mut self) {
        guard::let_go_of(self.0.by_ref());
    }
}
