//! A rate for each key.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::gcra::{Gcra, Pace};

/// The lanes of the keys that were used last, by their hashes: at most so many.
#[derive(Debug)]
pub(super) struct Keyed {
    most: usize,
    /// What the clock of a new lane says. Whoever waits on a lane that is forgotten meanwhile goes on by it: its place comes
    /// no later there than it would have.
    clock: Gcra,
    lanes: HashMap<u64, Lane>,
    /// The keys by when they were used last.
    used: BTreeMap<u64, u64>,
    uses: u64,
}

#[derive(Debug)]
struct Lane {
    gcra: Gcra,
    used: u64,
}

impl Keyed {
    pub(super) fn new(most: usize, now: Instant) -> Self {
        Self {
            most,
            clock: Gcra::new(now),
            lanes: HashMap::new(),
            used: BTreeMap::new(),
            uses: 0,
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The lane of `key`. For a new one the one that was not used for longest is forgotten, if there are too many.
    pub(super) fn lane(&mut self, key: u64, pace: &Pace, now: Instant) -> &mut Gcra {
        self.uses += 1;
        let used = self.uses;
        if let Some(lane) = self.lanes.get(&key) {
            self.used.remove(&lane.used);
        } else if self.lanes.len() >= self.most
            && let Some((_, oldest)) = self.used.pop_first()
        {
            self.lanes.remove(&oldest);
        }
        self.used.insert(used, key);
        let gcra = self.clock.fresh(pace, now);
        let lane = self.lanes.entry(key).or_insert(Lane { gcra, used });
        lane.used = used;
        &mut lane.gcra
    }

    /// By which clock `key` goes. To look at it is no use of it.
    pub(super) fn clock(&self, key: u64) -> &Gcra {
        self.lanes.get(&key).map_or(&self.clock, |lane| &lane.gcra)
    }

    /// From now on all clocks go at another pace than `pace`.
    pub(super) fn turn(&mut self, pace: &Pace, now: Instant) {
        self.clock.turn(pace, now);
        for lane in self.lanes.values_mut() {
            lane.gcra.turn(pace, now);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }
}
