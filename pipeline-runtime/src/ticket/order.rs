//! In which order items come back from the arms of a `match`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The numbers of the items that are to come back, from where they are divided to where they are brought together.
///
/// Its lock is the last that anyone takes: items are numbered under that of the split, brought together under that of the
/// join, and lost wherever they are.
pub(crate) struct Order {
    state: Mutex<State>,
    /// Wakes one of those who wait behind the join.
    behind: Waker,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The number that was given last.
    last: u64,
    /// The number that is due next.
    due: u64,
    /// From there on those that will not come.
    lost: BinaryHeap<Reverse<u64>>,
}

impl Order {
    pub(crate) fn new(behind: Waker) -> Self {
        let state = State {
            last: 0,
            due: 1,
            lost: BinaryHeap::new(),
        };
        Self {
            state: Mutex::new(state),
            behind,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The item with this number will not come.
    fn lost(&self, number: u64) {
        let mut state = self.lock();
        state.lost.push(Reverse(number));
        let is_due = state.due == number;
        drop(state);
        if is_due {
            self.behind.wake_by_ref();
        }
    }
}

impl State {
    /// One more: its number, from 1 on.
    #[inline]
    pub(crate) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The number that is due. Those that are lost are passed over.
    #[inline]
    pub(crate) fn due(&mut self) -> u64 {
        while let Some(Reverse(lost)) = self.lost.peek()
            && *lost == self.due
        {
            self.lost.pop();
            self.due += 1;
        }
        self.due
    }

    /// What is due has come.
    #[inline]
    pub(crate) fn pass(&mut self) {
        self.due += 1;
    }
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Order")
    }
}

/// The number of an item among those that are put back in order. Dropped before it has arrived there, it says so: an
/// item that is filtered, fails, or is lost in whatever way does not hold up those behind it.
pub struct Turn {
    order: Option<Arc<Order>>,
    pub(super) number: u64,
}

impl Turn {
    pub(crate) fn of(order: Arc<Order>, number: u64) -> Self {
        Self {
            order: Some(order),
            number,
        }
    }

    /// It has arrived.
    #[inline]
    pub(super) fn arrived(self) {
        // Each item that comes back does: nothing of it is looked at twice.
        drop(ManuallyDrop::new(self).order.take());
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Turn").field(&self.number).finish()
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        if let Some(order) = self.order.take() {
            order.lost(self.number);
        }
    }
}
