//! How many items pass each arm of a `match`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::named::debug_by_name;

/// For how many arms there is a place that is known to the compiler: to count is one instruction then.
const KNOWN: usize = 16;

/// Counts for one worker.
#[derive(Default)]
pub(super) struct Passed {
    known: [Cell<u64>; KNOWN],
    more: RefCell<Vec<u64>>,
}

impl Passed {
    #[inline]
    pub(super) fn count(&self, arm: usize) {
        match self.known.get(arm) {
            Some(count) => count.set(count.get() + 1),
            None => self.count_more(arm - KNOWN),
        }
    }

    fn count_more(&self, arm: usize) {
        let mut more = self.more.borrow_mut();
        if arm >= more.len() {
            more.resize(arm + 1, 0);
        }
        more[arm] += 1;
    }

    /// Moves the counts away.
    #[inline]
    pub(super) fn pour(&self, arms: &mut [u64]) {
        for (arm, sum) in arms.iter_mut().enumerate() {
            *sum += self.known.get(arm).map_or_else(
                || {
                    let mut more = self.more.borrow_mut();
                    more.get_mut(arm - KNOWN).map_or(0, std::mem::take)
                },
                Cell::take,
            );
        }
    }
}

/// Counts for futures, which several workers poll. They are ahead of what has come of the items by those under way.
pub struct Passing(Vec<AtomicU64>);

debug_by_name!(Passing);

impl Passing {
    pub(crate) fn of(arms: usize) -> Arc<Self> {
        Arc::new(Self((0..arms).map(|_| AtomicU64::new(0)).collect()))
    }

    /// An item has passed that arm.
    pub fn passed(&self, arm: usize) {
        // Relaxed: a count, by which nothing else is read.
        self.0[arm].fetch_add(1, Ordering::Relaxed);
    }

    /// Moves the counts away.
    pub(crate) fn pour(&self, arms: &mut [u64]) {
        for (count, sum) in self.0.iter().zip(arms) {
            // Relaxed: see `passed`.
            *sum += count.swap(0, Ordering::Relaxed);
        }
    }
}
