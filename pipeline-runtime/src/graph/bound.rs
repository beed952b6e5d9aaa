//! How many items may be between two groups.

use crate::flow::edge::{Bound, Edge};

/// The most items of an automatic bound.
const AUTOMATIC_ITEMS: usize = 8192;

/// The most bytes, by `size_of`, of an automatic bound that is above [`AUTOMATIC_LEAST`].
const AUTOMATIC_BYTES: usize = 1024 * 1024;

/// The fewest items of an automatic bound.
const AUTOMATIC_LEAST: usize = 64;

/// An edge whose bound the next stage sets.
pub(crate) trait Bounded: Send + Sync {
    fn bound(&self) -> Bound;
    fn rebound(&self, change: &dyn Fn(Bound) -> Bound);
}

impl<T: Send> Bounded for Edge<T> {
    fn bound(&self) -> Bound {
        Edge::bound(self)
    }

    fn rebound(&self, change: &dyn Fn(Bound) -> Bound) {
        Edge::rebound(self, change);
    }
}

/// A bound where nothing waits.
pub(crate) struct Unbuffered(pub(crate) usize);

impl Bounded for Unbuffered {
    fn bound(&self) -> Bound {
        Bound {
            window: self.0,
            limit: self.0,
            automatic: false,
            floor: self.0,
            extra: 0,
        }
    }

    fn rebound(&self, _change: &dyn Fn(Bound) -> Bound) {}
}

/// The automatic bound for items of type `T`.
pub(super) fn automatic<T>(count: usize) -> usize {
    (AUTOMATIC_BYTES / size_of::<T>().max(1))
        .clamp(AUTOMATIC_LEAST, AUTOMATIC_ITEMS)
        .max(count.saturating_mul(2))
}

/// For how many items of each that is worked on a stage with keys looks ahead by itself: if the one that comes next has to
/// wait for its key, another one hardly has to.
const LOOK_AHEAD: usize = 16;

/// The automatic bound of a stage with keys whose work is not measured, or is dear.
pub(super) fn keyed(count: usize) -> usize {
    count.saturating_mul(LOOK_AHEAD).max(AUTOMATIC_LEAST)
}
