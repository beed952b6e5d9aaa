//! The time that a group's workers have, and what they do with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::measure::clock::Stopwatch;
use crate::measure::cpu::Probes;

/// The time of one group's workers.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    staff: Mutex<Staff>,
    pub(crate) starved: Stopwatch,
    pub(crate) blocked: Stopwatch,
    /// For items that wait for the group's rate.
    pub(crate) limited: Stopwatch,
    /// Of those that may not work.
    pub(crate) parked: Stopwatch,
    /// How many tasks drive futures that share them; then the times above are of places for futures, not of workers.
    pub(crate) drivers: OnceLock<usize>,
    /// Of futures in flight, where they share drivers.
    pub(crate) in_flight: Stopwatch,
    /// For how many nanoseconds drivers have polled futures, and looked for more, as far as was measured.
    driven: AtomicU64,
    /// Of nanoseconds for which drivers polled, or of calls.
    pub(crate) cpu: Probes,
    pub(crate) started: OnceLock<Instant>,
    pub(crate) ended: OnceLock<Instant>,
}

/// How many of a group's workers may work, and for how long how many could.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Staff {
    /// From the start of the group on.
    first: usize,
    now: usize,
    /// Since when it is `now`; from the start of the group on.
    since: Option<Instant>,
    /// The time of all of them until then.
    time: Duration,
}

impl Staff {
    /// The time of all from the start of the group until `now`.
    pub(crate) fn until(&self, now: Instant) -> Duration {
        let since = self.since.unwrap_or(now);
        self.time + times(now.saturating_duration_since(since), self.now)
    }

    /// The time that those of the start could have had in `span`.
    pub(crate) fn before(&self, span: Duration) -> Duration {
        times(span, self.first)
    }

    /// The time that those of now could have in `span`.
    pub(crate) fn after(&self, span: Duration) -> Duration {
        times(span, self.now)
    }
}

fn times(span: Duration, workers: usize) -> Duration {
    span.saturating_mul(u32::try_from(workers).unwrap_or(u32::MAX))
}

impl Timing {
    fn lock(&self) -> MutexGuard<'_, Staff> {
        self.staff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many workers of those that there are may work from now on.
    pub(crate) fn staffed(&self, workers: usize) {
        let (staff, now) = (&mut *self.lock(), Instant::now());
        staff.time = staff.until(now);
        staff.since = staff.since.map(|_| now);
        staff.now = workers;
        if staff.since.is_none() || staff.first == 0 {
            staff.first = workers;
        }
    }

    /// A worker begins.
    pub(crate) fn begin(&self) {
        if self.started.get().is_none() {
            let (staff, now) = (&mut *self.lock(), Instant::now());
            if self.started.set(now).is_ok() {
                staff.since = Some(now);
            }
        }
    }

    /// Drivers have polled for so many nanoseconds more.
    pub(crate) fn driven(&self, nanos: u64) {
        // Relaxed: a number that nothing else is read by.
        self.driven.fetch_add(nanos, Ordering::Relaxed);
    }

    /// For how long drivers have polled.
    pub(crate) fn drives(&self) -> Duration {
        // Relaxed: see `driven`.
        Duration::from_nanos(self.driven.load(Ordering::Relaxed))
    }

    pub(crate) fn staff(&self) -> Staff {
        *self.lock()
    }
}
