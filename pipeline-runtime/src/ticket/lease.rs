//! Until when a delivery may be worked on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The end of a lease by this process's own clock: what the queue has confirmed last, counted from before it was asked.
///
/// A process that was stopped acts before it hears that its leases are lost. What goes by this clock knows all the same.
#[derive(Debug)]
pub(crate) struct LeaseEnd {
    /// By tokio's clock.
    at: AtomicI64,
    /// Before this, by the coarse clock, it has not come: most looks need no more.
    not_before: AtomicI64,
}

/// When leases end that were taken, or extended, together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    at: i64,
    not_before: i64,
}

/// The time, read when it is first asked for: once for several items between which nothing is called, and never where
/// nothing has a lease.
#[derive(Debug, Default)]
pub struct Now {
    exact: Option<i64>,
    coarse: Option<i64>,
}

impl Term {
    /// Of leases of this length from that time on, which is now or not long ago. Where tokio's clock is paused, as far as
    /// was known when the pipeline started, nothing else tells when they end.
    pub(crate) fn of(lease: Duration, from: Instant, is_paused: bool) -> Self {
        let at = span(lease).saturating_add(nanos(from));
        let left = at.saturating_sub(nanos(Instant::now()));
        let not_before = if is_paused {
            i64::MIN
        } else {
            coarse::now()
                .saturating_add(left)
                .saturating_sub(coarse::LATE)
        };
        Self { at, not_before }
    }
}

impl LeaseEnd {
    /// No lease has been taken yet.
    pub(crate) fn open() -> Self {
        Self {
            at: AtomicI64::new(i64::MAX),
            not_before: AtomicI64::new(i64::MIN),
        }
    }

    /// It was taken, or extended.
    pub(crate) fn extend(&self, term: Term) {
        // Relaxed, as below: the numbers are all that is told, and whoever reads them a moment late, or one of them, is
        // stopped by the fence.
        self.at.store(term.at, Ordering::Relaxed);
        self.not_before.store(term.not_before, Ordering::Relaxed);
    }

    /// The queue has said that it is over.
    pub(crate) fn lose(&self) {
        self.extend(Term {
            at: i64::MIN,
            not_before: i64::MIN,
        });
    }

    #[inline]
    pub(crate) fn has_passed(&self, now: &mut Now) -> bool {
        // Relaxed: see `extend`.
        let not_before = self.not_before.load(Ordering::Relaxed);
        now.coarse() >= not_before && now.is(self.at.load(Ordering::Relaxed))
    }
}

impl Now {
    #[inline]
    fn coarse(&mut self) -> i64 {
        *self.coarse.get_or_insert_with(coarse::now)
    }

    /// Whether this has come.
    #[cold]
    fn is(&mut self, end: i64) -> bool {
        end != i64::MAX && *self.exact.get_or_insert_with(|| nanos(Instant::now())) >= end
    }
}

fn span(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// Since some instant that is the same for the whole process; before it where a test's clock stands still.
fn nanos(at: Instant) -> i64 {
    static ANCHOR: OnceLock<Instant> = OnceLock::new();
    let anchor = *ANCHOR.get_or_init(Instant::now);
    match at.checked_duration_since(anchor) {
        Some(after) => span(after),
        None => -span(anchor.duration_since(at)),
    }
}

/// The clock that the kernel sets at each of its ticks, whatever process runs: so it is late by one, or by the few after
/// which another processor sets it, where the one that does is taken away from a virtual machine. For a machine that is
/// stopped itself the fence decides as ever.
#[cfg(target_os = "linux")]
mod coarse {
    use rustix::time::{ClockId, clock_gettime};

    /// Ten of the longest ticks, of which there are 100 a second: another processor waits for five.
    pub(super) const LATE: i64 = 100_000_000;

    #[allow(
        clippy::useless_conversion,
        reason = "they are narrower on some machines"
    )]
    #[inline]
    pub(super) fn now() -> i64 {
        let now = clock_gettime(ClockId::MonotonicCoarse);
        i64::from(now.tv_sec) * 1_000_000_000 + i64::from(now.tv_nsec)
    }
}

/// Other systems have no such clock: it is always later than anything, so that the exact one is read.
#[cfg(not(target_os = "linux"))]
mod coarse {
    pub(super) const LATE: i64 = 0;

    pub(super) fn now() -> i64 {
        i64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(lease: Duration) -> Term {
        Term::of(lease, Instant::now(), true)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_by_the_clock_unless_it_is_extended() {
        let (end, lease) = (LeaseEnd::open(), Duration::from_secs(10));
        assert!(!end.has_passed(&mut Now::default()), "none was taken");
        end.extend(term(lease));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(!end.has_passed(&mut Now::default()));
        end.extend(term(lease));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(!end.has_passed(&mut Now::default()));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(end.has_passed(&mut Now::default()));
    }

    #[test]
    fn a_lease_ends_when_it_does_by_the_coarse_clock_too() {
        let (end, lease) = (LeaseEnd::open(), Duration::from_millis(100));
        let taken = Instant::now();
        end.extend(Term::of(lease, taken, false));
        loop {
            let before = taken.elapsed();
            if end.has_passed(&mut Now::default()) {
                break;
            }
            // A machine that is stopped for a moment sets that clock a moment late.
            assert!(before < 5 * lease, "it is over, and not seen");
        }
        assert!(taken.elapsed() >= lease, "it is seen too early");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn long_before_the_end_the_exact_clock_is_not_read() {
        let (end, mut now) = (LeaseEnd::open(), Now::default());
        end.extend(Term::of(Duration::from_secs(30), Instant::now(), false));
        assert!(!end.has_passed(&mut now));
        assert_eq!(now.exact, None);
        end.extend(Term::of(Duration::from_secs(30), Instant::now(), true));
        assert!(!end.has_passed(&mut now));
        assert!(now.exact.is_some(), "time may be virtual");
    }

    #[test]
    fn a_lease_that_is_lost_is_over_at_once() {
        let end = LeaseEnd::open();
        end.extend(term(Duration::from_secs(10)));
        end.lose();
        assert!(end.has_passed(&mut Now::default()));
    }
}
