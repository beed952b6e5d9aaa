//! A number that a test shares with what it watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

/// The strongest: a test is to fail by a fault of what it watches, and never by what its own threads see late.
const ORDER: Ordering = Ordering::SeqCst;

/// A number; as a waker, how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Watched(AtomicUsize);

impl Watched {
    pub(crate) fn new(number: usize) -> Self {
        Self(AtomicUsize::new(number))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(ORDER)
    }

    pub(crate) fn set(&self, number: usize) {
        self.0.store(number, ORDER);
    }

    /// What it was; it is 0 from here on.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, ORDER)
    }

    /// What it is then.
    pub(crate) fn add(&self, more: usize) -> usize {
        self.0.fetch_add(more, ORDER) + more
    }

    /// What it is then.
    pub(crate) fn sub(&self, less: usize) -> usize {
        self.0.fetch_sub(less, ORDER) - less
    }
}

impl Wake for Watched {
    fn wake(self: Arc<Self>) {
        self.add(1);
    }
}
