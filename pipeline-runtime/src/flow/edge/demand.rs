//! How many items are worth having ready, by how many the consumer takes.

use std::time::{Duration, Instant};

/// Takings that are closer to each other than this are not all looked at: to read a clock costs as much as a cheap item.
const CLOSE: Duration = Duration::from_micros(100);

/// How many takings are not looked at then.
const SKIPPED: u32 = 7;

/// How many items are ready for a consumer of whom nothing is known.
const AT_FIRST: usize = 256;

/// As many items as a consumer takes in a while. It falls by half at most, and doubles whenever the consumer waits for
/// items: one that takes many, is busy for long, and comes back finds many again.
#[derive(Debug)]
pub(super) struct Demand {
    /// Since when it has not waited.
    since: Option<Instant>,
    /// When it was last looked at.
    seen: Option<Instant>,
    skip: u32,
    /// What it has taken since then.
    taken: usize,
    /// The most in one taking.
    most: usize,
    /// What is worth having ready.
    items: usize,
}

impl Demand {
    pub(super) fn new() -> Self {
        Self {
            since: None,
            seen: None,
            skip: 0,
            taken: 0,
            most: 0,
            items: AT_FIRST,
        }
    }

    /// Where nobody takes anything, as behind a sink, there is nothing to bound.
    pub(super) fn of_nobody() -> Self {
        Self {
            items: usize::MAX,
            ..Self::new()
        }
    }

    /// What is worth having ready.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The consumer takes `items`, and `keeps` what it has not used up: whether [`Demand::items`] may have changed.
    /// Where it keeps nothing it may write all that it takes at once, at a price for each writing: twice that much is
    /// ready for it in any case.
    #[inline]
    pub(super) fn takes(&mut self, items: usize, keeps: bool, worth: Duration) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            self.took(items);
            return false;
        }
        let changed = self.look(keeps, worth);
        self.took(items);
        changed
    }

    /// Counted after it was looked at: the time of these items is still to come.
    fn took(&mut self, items: usize) {
        self.taken += items;
        self.most = self.most.max(items);
    }

    fn look(&mut self, keeps: bool, worth: Duration) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let close = self
            .seen
            .replace(now)
            .is_some_and(|seen| now.duration_since(seen) < CLOSE);
        self.skip = if close { SKIPPED } else { 0 };
        let passed = now.duration_since(since);
        if passed < worth {
            return false;
        }
        let items = self.taken as u128 * worth.as_nanos() / passed.as_nanos().max(1);
        let least = if keeps {
            0
        } else {
            self.most.saturating_mul(2)
        };
        let items = usize::try_from(items).unwrap_or(usize::MAX);
        self.items = items.max(self.items / 2).max(least);
        self.begin(Some(now));
        true
    }

    /// The consumer waits for items: it could take more. Whether [`Demand::items`] has changed.
    #[inline]
    pub(super) fn waits(&mut self) -> bool {
        self.begin(None);
        self.seen = None;
        self.skip = 0;
        let before = self.items;
        self.items = before.max(1).saturating_mul(2);
        self.items != before
    }

    fn begin(&mut self, since: Option<Instant>) {
        self.since = since;
        self.taken = 0;
        self.most = 0;
    }
}

#[cfg(test)]
mod tests;
