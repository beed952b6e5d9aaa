//! What the futures of one driver use: of the places that it has for them, and of a processor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::intake::For;
use crate::graph::Timing;
use crate::measure::cpu::{self, nanos};

/// Of so many rounds the clocks are read for one, once there were as many: they take as long as a round may.
const PROBES: u32 = 256;

/// After a round that took so long they are read for the next: they take nothing beside it.
const LONG_NANOS: u64 = 100_000;

/// Kept by the driver, and told to the group whenever it changes. So nothing is told of a driver whose places stay taken.
pub(super) struct Usage {
    timing: Arc<Timing>,
    /// How many futures are in flight.
    used: i64,
    /// How many more might be, and what they lack.
    free: i64,
    lacks: For,
    /// Rounds since the last that was measured.
    rounds: u32,
    /// How many there are to be.
    until: u32,
    began: Option<(Instant, Option<Duration>)>,
}

impl Usage {
    pub(super) fn new(timing: &Arc<Timing>) -> Self {
        Self {
            timing: Arc::clone(timing),
            used: 0,
            free: 0,
            lacks: For::Items,
            rounds: 0,
            until: 1,
            began: None,
        }
    }

    /// A round begins.
    #[inline]
    pub(super) fn begins(&mut self) {
        self.rounds += 1;
        if self.rounds >= self.until {
            self.began = Some((Instant::now(), cpu::of_thread()));
        }
    }

    /// It ends, and leaves so many places used, of as many as there are.
    #[inline]
    pub(super) fn ends(&mut self, used: usize, places: usize, lacks: For) {
        if self.began.is_some() {
            self.probed();
        }
        let free = count(places.saturating_sub(used));
        self.set(count(used), free, lacks);
    }

    #[inline]
    fn set(&mut self, used: i64, free: i64, lacks: For) {
        if (used, free) != (self.used, self.free) || (free > 0 && lacks != self.lacks) {
            self.changed(used, free, lacks);
        }
    }

    #[inline(never)]
    fn changed(&mut self, used: i64, free: i64, lacks: For) {
        let (timing, now) = (&self.timing, Instant::now());
        timing.in_flight.shift(now, used - self.used);
        if lacks == self.lacks {
            lacks.of(timing).shift(now, free - self.free);
        } else {
            self.lacks.of(timing).shift(now, -self.free);
            lacks.of(timing).shift(now, free);
        }
        (self.used, self.free, self.lacks) = (used, free, lacks);
    }

    /// Each round that is measured speaks for those since the one before. The first are measured more often, so that something
    /// is known of a short run.
    #[cold]
    fn probed(&mut self) {
        let Some((began, had)) = self.began.take() else {
            return;
        };
        // What is long is so by itself: the thread was stopped, or the call was one of a kind.
        let spoken = |nanos: u64| {
            let usual = nanos.min(LONG_NANOS);
            usual.saturating_mul(u64::from(self.rounds)) + (nanos - usual)
        };
        let took = nanos(began.elapsed());
        let cpu = had.and_then(|had| Some(cpu::of_thread()?.saturating_sub(had)));
        let driven = spoken(took);
        self.timing.driven(driven);
        if let Some(cpu) = cpu {
            let cpu = Duration::from_nanos(spoken(nanos(cpu)));
            self.timing.cpu.add(cpu, driven);
        }
        self.until = if took > LONG_NANOS {
            1
        } else {
            (2 * self.rounds).min(PROBES)
        };
        self.rounds = 0;
    }
}

fn count(places: usize) -> i64 {
    i64::try_from(places).unwrap_or(i64::MAX)
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.set(0, 0, self.lacks);
    }
}
