//! Time that groups of workers spend waiting.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Nothing else is read by these numbers, and no ordering would make one of the two: a total that is read while a span
/// begins or ends is wrong by that once, which only reports show.
const RELAXED: Ordering = Ordering::Relaxed;

/// Adds up spans of time, also those that have not ended yet.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// Ended spans, less the starts of open ones.
    nanos: AtomicI64,
    open: AtomicI64,
}

/// Nanoseconds since about the first that was asked for.
fn nanos(at: Instant) -> i64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let since = at.saturating_duration_since(*EPOCH.get_or_init(|| at));
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl Stopwatch {
    pub(crate) fn add(&self, span: Duration) {
        let span = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        self.nanos.fetch_add(span, RELAXED);
    }

    /// A span begins.
    pub(crate) fn open(&self, at: Instant) {
        self.shift(at, 1);
    }

    /// A span that was opened ends.
    pub(crate) fn close(&self, at: Instant) {
        self.shift(at, -1);
    }

    /// So many spans begin; below 0, so many end.
    pub(crate) fn shift(&self, at: Instant, spans: i64) {
        self.open.fetch_add(spans, RELAXED);
        self.nanos
            .fetch_sub(spans.saturating_mul(nanos(at)), RELAXED);
    }

    pub(crate) fn total(&self) -> Duration {
        let open = self.open.load(RELAXED);
        let nanos = self
            .nanos
            .load(RELAXED)
            .saturating_add(open.saturating_mul(nanos(Instant::now())));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}
