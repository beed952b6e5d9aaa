//! The sum of sources that have ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::flow::edge::{Held, Meter};
use crate::graph::PullTime;
use crate::measure::clock::Stopwatch;
use crate::measure::counts::Counts;
use crate::source::feed::Side;

/// What sources did that have ended.
pub(super) struct Ended {
    counts: Mutex<Counts>,
    pulling: Stopwatch,
    inside: Stopwatch,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            counts: Mutex::new(Counts::of(1)),
            pulling: Stopwatch::default(),
            inside: Stopwatch::default(),
        }
    }
}

impl Ended {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more has ended.
    pub(super) fn add(&self, source: &Side) {
        let held = source.hold();
        self.lock().add(&held.lanes()[0]);
        drop(held);
        self.pulling.add(source.pulling());
        self.inside.add(source.inside());
    }

    pub(super) fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock())
    }

    pub(super) fn pulling(&self) -> Duration {
        self.pulling.total()
    }

    pub(super) fn inside(&self) -> Duration {
        self.inside.total()
    }
}
