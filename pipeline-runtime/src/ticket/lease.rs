//! Until when a delivery may be worked on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The end of a lease by this process's own clock: what the queue has confirmed last, counted from before it was asked.
///
/// A process that was stopped acts before it hears that its leases are lost. What goes by this clock knows all the same.
#[derive(Debug)]
pub(crate) struct LeaseEnd(AtomicI64);

/// The time, read when it is first asked for: once for several items between which nothing is called, and never where
/// nothing has a lease.
#[derive(Debug, Default)]
pub struct Now(Option<i64>);

impl LeaseEnd {
    /// No lease has been taken yet.
    pub(crate) fn open() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }

    /// It was taken, or extended, at that time.
    pub(crate) fn extend(&self, from: Instant, lease: Duration) {
        let lease = i64::try_from(lease.as_nanos()).unwrap_or(i64::MAX);
        // Relaxed, as below: the number is all that is told, and whoever reads it a moment late is stopped by the fence.
        self.0
            .store(nanos(from).saturating_add(lease), Ordering::Relaxed);
    }

    /// The queue has said that it is over.
    pub(crate) fn lose(&self) {
        // Relaxed: see `extend`.
        self.0.store(i64::MIN, Ordering::Relaxed);
    }

    pub(crate) fn has_passed(&self, now: &mut Now) -> bool {
        // Relaxed: see `extend`.
        let end = self.0.load(Ordering::Relaxed);
        end != i64::MAX && *now.0.get_or_insert_with(|| nanos(Instant::now())) >= end
    }
}

/// Since some instant that is the same for the whole process; before it where a test's clock stands still.
fn nanos(at: Instant) -> i64 {
    static ANCHOR: OnceLock<Instant> = OnceLock::new();
    let anchor = *ANCHOR.get_or_init(Instant::now);
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match at.checked_duration_since(anchor) {
        Some(after) => nanos(after),
        None => -nanos(anchor.duration_since(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_by_the_clock_unless_it_is_extended() {
        let (end, lease) = (LeaseEnd::open(), Duration::from_secs(10));
        assert!(!end.has_passed(&mut Now::default()), "none was taken");
        end.extend(Instant::now(), lease);
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(!end.has_passed(&mut Now::default()));
        end.extend(Instant::now(), lease);
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(!end.has_passed(&mut Now::default()));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(end.has_passed(&mut Now::default()));
    }

    #[test]
    fn a_lease_that_is_lost_is_over_at_once() {
        let end = LeaseEnd::open();
        end.extend(Instant::now(), Duration::from_secs(10));
        end.lose();
        assert!(end.has_passed(&mut Now::default()));
    }
}
