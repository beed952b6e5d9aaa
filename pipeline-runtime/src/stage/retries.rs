//! Items that wait before they are tried again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::flow::edge::Waiters;
use crate::guard;
use crate::run::control::Close;

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
    /// Nobody wants more: those that wait will never be due.
    closed: bool,
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
                closed: false,
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
        if state.closed {
            drop(state);
            return guard::let_go_of([due]);
        }
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

    /// The next item that is due; `None` if none will be.
    pub(crate) fn poll(&self, place: usize, cx: &mut Context<'_>) -> Poll<Option<Due<M>>> {
        let mut state = self.lock();
        if let Some(due) = state.due.pop_front() {
            state.workers.unpark(place);
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
    pub(crate) fn wait(&self, place: usize, cx: &mut Context<'_>) -> Poll<Option<Due<M>>> {
        let mut state = self.lock();
        if let Some(due) = state.due.pop_front() {
            return Poll::Ready(Some(due));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.workers.park(place, cx.waker());
        Poll::Pending
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

/// A thread may wait here alone, when its input has ended: nothing else would wake it.
impl<M: Send> Close for Retries<M> {
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let (due, woken) = (std::mem::take(&mut state.due), state.workers.choose_all());
        drop(state);
        guard::let_go_of(due);
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
