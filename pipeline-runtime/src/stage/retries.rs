//! Items that wait before they are tried again, or for the first time where calls have a rate.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::flow::edge::Waiters;
use crate::guard;
use crate::rate::Place;
use crate::run::control::Close;

/// An item whose wait is over. Handed on by value at every turn of a worker, so no larger than it has to be.
#[derive(Debug)]
pub(crate) struct Due<M> {
    pub(crate) seq: u64,
    pub(crate) item: M,
    pub(crate) attempt: u32,
    /// Whether its call may begin, as far as the rate goes.
    pub(crate) entered: bool,
}

impl<M> Due<M> {
    /// Attempt number `attempt` is to be made, when its turn has come.
    pub(crate) fn new(seq: u64, item: M, attempt: u32) -> Self {
        let entered = false;
        Self {
            seq,
            item,
            attempt,
            entered,
        }
    }
}

/// One that waited for a place of the rate, if it did.
pub(crate) type Waited<M> = (Due<M>, Option<Place>);

/// The items of one group that wait, or wait no more. Each keeps its credit and its sequence number.
#[derive(Debug)]
pub(crate) struct Retries<M> {
    state: Mutex<State<M>>,
}

#[derive(Debug)]
struct State<M> {
    due: VecDeque<Waited<M>>,
    /// Items that wait, are due, or are being tried again.
    unresolved: usize,
    /// Of them, those that wait for the rate, or have and were not taken up.
    limited: usize,
    /// How many these were when a worker was last turned away for them; 0 if none is to be told.
    turned_away: usize,
    /// Nobody wants more: those that wait will never be due.
    closed: bool,
    workers: Waiters,
    /// Those that have no place for more, but something that waits for the head of the line.
    behind: Waiters,
}

impl<M> Drop for State<M> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.due));
    }
}

impl<M> Retries<M> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                due: VecDeque::new(),
                unresolved: 0,
                limited: 0,
                turned_away: 0,
                closed: false,
                workers: Waiters::default(),
                behind: Waiters::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An item begins to wait, for the rate if it is `limited`.
    pub(crate) fn add(&self, limited: bool) {
        let mut state = self.lock();
        state.unresolved += 1;
        state.limited += usize::from(limited);
    }

    /// Whether items wait for the rate.
    pub(crate) fn limited(&self) -> bool {
        self.lock().limited > 0
    }

    /// Whether so many wait for the rate that it serves nobody to take more; who asked is woken when there are fewer, if it
    /// parks here.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        let mut state = self.lock();
        let full = state.limited >= most && !state.closed;
        if full {
            state.turned_away = state.limited;
        }
        full
    }

    /// Its wait is over: a worker will try it again.
    pub(crate) fn ready(&self, due: Due<M>, place: Option<Place>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return guard::let_go_of([due]);
        }
        state.due.push_back((due, place));
        wake(state);
    }

    /// The item that was tried again has been resolved, or waits again (which counts anew).
    pub(crate) fn resolved(&self) {
        let mut state = self.lock();
        state.unresolved -= 1;
        if state.unresolved == 0 {
            let woken = state.workers.choose_all();
            drop(state);
            woken.into_iter().for_each(Waker::wake);
        }
    }

    /// The next item that is due; `None` if none will be.
    pub(crate) fn poll(&self, place: usize, cx: &mut Context<'_>) -> Poll<Option<Waited<M>>> {
        let mut state = self.lock();
        if let Some(due) = state.due.pop_front() {
            state.workers.unpark(place);
            taken(state, &due);
            return Poll::Ready(Some(due));
        }
        if state.unresolved == 0 || state.closed {
            state.workers.unpark(place);
            return Poll::Ready(None);
        }
        state.workers.park(place, cx.waker());
        Poll::Pending
    }

    /// A worker is about to wait for something else: what has become due meanwhile, or else it is told of what will be;
    /// `None` if nothing will. Who may work and waits is always to be found here, whatever else it waits for.
    #[cold]
    pub(crate) fn wait(&self, place: usize, cx: &mut Context<'_>) -> Poll<Option<Waited<M>>> {
        let mut state = self.lock();
        if let Some(due) = state.due.pop_front() {
            state.workers.unpark(place);
            taken(state, &due);
            return Poll::Ready(Some(due));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.workers.park(place, cx.waker());
        Poll::Pending
    }

    /// The same for a worker that takes nothing but the `head` of the line.
    #[cold]
    pub(crate) fn poll_head(
        &self,
        place: usize,
        head: impl FnOnce() -> u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Waited<M>>> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        // Under the lock: whoever has made another one the head looks afterwards who waits here.
        let head = head();
        let is_due = state.due.iter().position(|(due, _)| due.seq == head);
        let Some(due) = is_due.and_then(|at| state.due.remove(at)) else {
            state.behind.park(place, cx.waker());
            return Poll::Pending;
        };
        state.behind.unpark(place);
        taken(state, &due);
        Poll::Ready(Some(due))
    }

    /// Another item is the head of the line now.
    pub(crate) fn moved_on(&self) {
        let mut state = self.lock();
        if !state.due.is_empty() {
            let woken = state.behind.choose_all();
            drop(state);
            woken.into_iter().for_each(Waker::wake);
        }
    }

    /// A worker that waits here goes on with something else. If it had been chosen already, another one is woken.
    pub(crate) fn unpark(&self, place: usize) {
        let mut state = self.lock();
        if !state.workers.unpark(place) && !state.due.is_empty() {
            wake(state);
        }
    }
}

/// Wakes a worker for what is due: if none has a place for it, all those for whom it is something if it is the head of the
/// line.
fn wake<M>(mut state: MutexGuard<'_, State<M>>) {
    let woken = match state.workers.choose() {
        Some(worker) => vec![worker],
        None => state.behind.choose_all(),
    };
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

/// A worker has taken an item up. Those that were turned away go on when half of what they were turned away for is left:
/// one by one they would be woken for each item.
fn taken<M>(mut state: MutexGuard<'_, State<M>>, (_, place): &Waited<M>) {
    if place.is_none() {
        return;
    }
    state.limited -= 1;
    if state.limited <= state.turned_away / 2 && state.turned_away > 0 {
        state.turned_away = 0;
        let woken = state.workers.choose_all();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// A thread may wait here alone, when its input has ended: nothing else would wake it.
impl<M: Send> Close for Retries<M> {
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let (due, mut woken) = (std::mem::take(&mut state.due), state.workers.choose_all());
        woken.extend(state.behind.choose_all());
        drop(state);
        guard::let_go_of(due);
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
