//! What an item took.

use std::time::{Duration, Instant};

use crate::case::Sample;

/// The times that items took.
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn of(items: usize) -> Self {
        Self(Vec::with_capacity(items))
    }

    pub(super) fn add(&mut self, sent: Instant) {
        self.0.push(sent.elapsed());
    }

    pub(super) fn sample(mut self, items: usize) -> Sample {
        assert_eq!(self.0.len(), items, "items are missing");
        self.0.sort_unstable();
        let nanos = |of: usize| self.0[of].as_nanos() as f64;
        Sample::new()
            .with("p50", nanos(items / 2))
            .with("p99", nanos(items * 99 / 100))
    }
}
