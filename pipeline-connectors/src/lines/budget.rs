//! The bound on the bytes that a source has read and that have not yet left the first stage.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A number of bytes that is reserved before reading and given back by dropping what was reserved.
///
/// One reader waits at a time. It may go over the bound where it must, to finish a line that is longer than the bound:
/// when the unfinished lines are all there is.
#[derive(Debug)]
pub(crate) struct Budget {
    bound: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    unfinished: usize,
    closed: bool,
    waiting: Option<(usize, Waker)>,
}

impl Budget {
    pub(crate) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self {
            bound: bound.max(1),
            state: Mutex::default(),
        })
    }

    /// How many bytes to reserve for a read of `bytes`: under a small bound fewer, so that there is still something to
    /// read into while the rest is being used.
    pub(crate) fn portion(&self, bytes: usize) -> usize {
        bytes.min(self.bound.div_ceil(4))
    }

    /// Waits until `bytes` (at most the bound) are free. `None` once the budget is closed.
    pub(crate) fn poll_reserve(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        bytes: usize,
    ) -> Poll<Option<Reserved>> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        if !self.has_room(&state, bytes) {
            state.waiting = Some((bytes, cx.waker().clone()));
            return Poll::Pending;
        }
        state.used += bytes;
        Poll::Ready(Some(Reserved {
            budget: Arc::clone(self),
            bytes,
        }))
    }

    /// Blocks until `bytes` (at most the bound) are free. `None` once the budget is closed.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reserved> {
        futures::executor::block_on(std::future::poll_fn(|cx| self.poll_reserve(cx, bytes)))
    }

    /// A reservation of nothing.
    pub(crate) fn nothing(self: &Arc<Self>) -> Reserved {
        Reserved {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    /// Says how many of the reserved bytes belong to unfinished lines that wait for more bytes.
    pub(crate) fn set_unfinished(&self, bytes: usize) {
        self.change(|state| state.unfinished = bytes);
    }

    /// Ends the waiting for ever.
    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn has_room(&self, state: &State, bytes: usize) -> bool {
        state.used.saturating_add(bytes) <= self.bound || state.used <= state.unfinished
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wake = match &state.waiting {
            Some((bytes, _)) if state.closed || self.has_room(&state, *bytes) => {
                state.waiting.take()
            }
            _ => None,
        };
        drop(state);
        if let Some((_, waker)) = wake {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reserved {
    /// How many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `bytes` of it (all, if there are fewer) into a reservation of their own.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            budget: Arc::clone(&self.budget),
            bytes,
        }
    }

    /// Adds another reservation of the same budget.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives back all but `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        drop(self.split(self.bytes.saturating_sub(bytes)));
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.change(|state| state.used -= self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::future::poll_fn;

    fn now(budget: &Arc<Budget>, bytes: usize) -> Option<Reserved> {
        poll_fn(|cx| budget.poll_reserve(cx, bytes))
            .now_or_never()
            .flatten()
    }

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Budget::new(100);
        let mut first = now(&budget, 80).unwrap();
        assert!(now(&budget, 30).is_none());
        first.shrink(70);
        assert!(now(&budget, 30).is_some());
    }

    #[test]
    fn unfinished_lines_alone_may_pass_the_bound() {
        let budget = Budget::new(100);
        let line = now(&budget, 100).unwrap();
        assert!(now(&budget, 50).is_none());
        budget.set_unfinished(100);
        let more = now(&budget, 50).unwrap();
        assert!(now(&budget, 50).is_none(), "that one is still being split");
        drop((line, more));
    }

    #[test]
    fn a_blocked_reader_wakes_when_room_comes_and_when_the_budget_closes() {
        let budget = Budget::new(10);
        let all = budget.reserve(10).unwrap();
        let reader = {
            let budget = Arc::clone(&budget);
            std::thread::spawn(move || {
                let first = budget.reserve(5);
                (first.is_some(), budget.reserve(10).is_none())
            })
        };
        drop(all);
        // Whether the reader waits or not when it closes, it ends.
        while budget.lock().waiting.is_none() {
            std::thread::yield_now();
        }
        budget.close();
        assert_eq!(reader.join().unwrap(), (true, true));
    }
}
