//! Items that wait before they are tried again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::edge::Waiters;
use crate::guard;

/// An item whose wait is over.
#[derive(Debug)]
pub(crate) struct Due<M> {
    pub(crate) seq: u64,
    pub(crate) item: M,
    pub(crate) attempt: u32,
}

/// The items of one group that wait, or wait no more. Each keeps its credit and its sequence number.
#[derive(Debug)]
pub(crate) struct Retries<M> {
    state: Mutex<State<M>>,
}

#[derive(Debug)]
struct State<M> {
    due: VecDeque<Due<M>>,
    /// Items that wait, are due, or are being tried again.
    unresolved: usize,
    workers: Waiters,
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
                workers: Waiters::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An item begins to wait.
    pub(crate) fn add(&self) {
        self.lock().unresolved += 1;
    }

    /// Its wait is over: a worker will try it again.
    pub(crate) fn ready(&self, due: Due<M>) {
        let mut state = self.lock();
        state.due.push_back(due);
        let worker = state.workers.choose();
        drop(state);
        worker.into_iter().for_each(Waker::wake);
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

    /// The next item that is due; `None` if none is unresolved.
    pub(crate) fn poll(&self, place: usize, cx: &mut Context<'_>) -> Poll<Option<Due<M>>> {
        let mut state = self.lock();
        if let Some(due) = state.due.pop_front() {
            state.workers.unpark(place);
            return Poll::Ready(Some(due));
        }
        if state.unresolved == 0 {
            state.workers.unpark(place);
            return Poll::Ready(None);
        }
        state.workers.park(place, cx.waker());
        Poll::Pending
    }

    /// A worker is about to wait for something else: what has become due meanwhile, or else it is told of what will be.
    /// Who may work and waits is always to be found here, whatever else it waits for.
    #[cold]
    pub(crate) fn wait(&self, place: usize, cx: &mut Context<'_>) -> Option<Due<M>> {
        let mut state = self.lock();
        let due = state.due.pop_front();
        if due.is_none() {
            state.workers.park(place, cx.waker());
        }
        due
    }

    /// A worker that waits here goes on with something else. If it had been chosen already, another one is woken.
    pub(crate) fn unpark(&self, place: usize) {
        let mut state = self.lock();
        if !state.workers.unpark(place) && !state.due.is_empty() {
            let worker = state.workers.choose();
            drop(state);
            worker.into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests;
