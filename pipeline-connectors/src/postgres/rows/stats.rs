//! How far a source of rows has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shows how far a source of rows has come, also when it has ended.
#[derive(Debug, Clone, Default)]
pub struct RowsStats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    rows: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
    pages: AtomicU64,
    held: AtomicU64,
    peak: AtomicU64,
}

/// What a source of rows has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RowsSnapshot {
    /// How many rows it has handed on.
    pub rows: u64,
    /// How many rows could not be read.
    pub failed: u64,
    /// How many bytes of rows came from the server.
    pub bytes: u64,
    /// How many pages.
    pub pages: u64,
    /// The bytes of those rows that came and are not yet handed on.
    pub held: u64,
    /// The most that there were of these.
    pub peak: u64,
}

impl RowsStats {
    /// What has been read so far.
    #[must_use]
    pub fn snapshot(&self) -> RowsSnapshot {
        // Relaxed, here and below: nothing but these numbers is told by them.
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0;
        RowsSnapshot {
            rows: read(&counts.rows),
            failed: read(&counts.failed),
            bytes: read(&counts.bytes),
            pages: read(&counts.pages),
            held: read(&counts.held),
            peak: read(&counts.peak),
        }
    }

    /// A page has come.
    pub(super) fn page(&self, bytes: u64) -> Held {
        let counts = &self.0;
        counts.pages.fetch_add(1, Ordering::Relaxed);
        counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Relaxed: only people read it, who may see a page in one number and not yet in the other.
        let held = counts.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        counts.peak.fetch_max(held, Ordering::Relaxed);
        Held {
            stats: self.clone(),
            bytes,
        }
    }

    /// A row is handed on, or is none that can be read.
    pub(super) fn row(&self, is_read: bool) {
        let count = if is_read {
            &self.0.rows
        } else {
            &self.0.failed
        };
        // Relaxed: see `page`.
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Bytes of a page that are not handed on yet.
#[derive(Debug)]
pub(super) struct Held {
    stats: RowsStats,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Relaxed: see `RowsStats::page`.
        self.stats.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
