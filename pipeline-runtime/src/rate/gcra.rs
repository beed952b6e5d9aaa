//! The arithmetic of a rate: the generic cell rate algorithm, with places that are reserved.
//!
//! A clock counts the calls that could have been made, as many in a second as the rate says. A call has a *place* on it,
//! each at least 1 behind the one before, and begins when the clock has come there. What is left of `ITU-T` I.371 is its
//! "virtual scheduling": the next place is the theoretical arrival time. That places are counted in calls and not in
//! seconds makes a change of the rate one of the clock's speed, and leaves the places as they are.

use std::time::Duration;

use tokio::time::Instant;

/// One call. The clock counts in parts of it, so that it can be read at every nanosecond, and never adds up what it
/// rounds.
const ONE: u128 = 1 << 32;

/// Where the clock of a lane begins: far enough from 0 for the largest burst.
const BEGINNING: u128 = ONE << 32;

/// By how much a call may be late without those behind it being held back: about as late as timers are.
const LATE: Duration = Duration::from_millis(20);

/// So many calls in that time, of which so many may be made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) count: u32,
    pub(super) per: Duration,
    pub(super) burst: u32,
}

impl Pace {
    /// How far the clock goes in `span`.
    fn ticks(&self, span: Duration) -> u128 {
        let calls = span.as_nanos().saturating_mul(u128::from(self.count));
        calls.saturating_mul(ONE) / self.per.as_nanos().max(1)
    }

    /// In which span the clock goes so far.
    fn span(&self, ticks: u128) -> Duration {
        let nanos = ticks.saturating_mul(self.per.as_nanos());
        let nanos = nanos.div_ceil(u128::from(self.count.max(1)) * ONE);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many calls there are in `span`.
    pub(super) fn calls(&self, span: Duration) -> usize {
        usize::try_from(self.ticks(span) / ONE).unwrap_or(usize::MAX)
    }

    /// How far behind the clock the place of a call may be that begins.
    fn spare(&self) -> u128 {
        u128::from(self.burst.saturating_sub(1)) * ONE
    }
}

/// What calls share one rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gcra {
    since: Instant,
    /// Where the clock stood then.
    at: u128,
    /// The first place that nobody has.
    next: u128,
    /// The last one of which the call has begun.
    begun: u128,
}

impl Gcra {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            at: BEGINNING,
            next: 0,
            begun: 0,
        }
    }

    /// One of which no place is taken, and whose clock goes by this one's.
    pub(super) fn fresh(&self, pace: &Pace, now: Instant) -> Self {
        Self {
            at: self.clock(pace, now),
            ..Self::new(now)
        }
    }

    fn clock(&self, pace: &Pace, now: Instant) -> u128 {
        self.at + pace.ticks(now.saturating_duration_since(self.since))
    }

    /// Whether a call may begin now; if not, the place that it has to wait for. One that has waited says for which.
    ///
    /// In no span do more begin than there are places in the part of the clock that it comes by, which is a burst and
    /// 20 ms longer than the span.
    pub(super) fn enter(
        &mut self,
        pace: &Pace,
        now: Instant,
        waited: Option<u128>,
    ) -> Result<(), u128> {
        let clock = self.clock(pace, now);
        let (spare, late) = (pace.spare(), pace.ticks(LATE));
        let earliest = clock.saturating_sub(spare);
        let place = match waited {
            Some(place) if place + late >= earliest => place,
            // It comes so late that, with those behind it, too many would begin at once: the clock waited for it.
            Some(place) if place >= self.begun => {
                (self.since, self.at) = (now, place + late + spare);
                place
            }
            // It cannot have waited for one that others did not.
            _ => {
                let place = self.next.max(earliest);
                self.next = place + ONE;
                place
            }
        };
        if place > self.clock(pace, now) {
            return Err(place);
        }
        self.begun = self.begun.max(place);
        Ok(())
    }

    /// When the clock comes to `place`.
    pub(super) fn time(&self, pace: &Pace, place: u128) -> Instant {
        let span = pace.span(place.saturating_sub(self.at));
        let never = Duration::from_secs(u64::from(u32::MAX));
        self.since + span.min(never)
    }

    /// From now on the clock goes at another pace than `pace`.
    pub(super) fn turn(&mut self, pace: &Pace, now: Instant) {
        (self.at, self.since) = (self.clock(pace, now), now);
    }
}

#[cfg(test)]
mod tests;
