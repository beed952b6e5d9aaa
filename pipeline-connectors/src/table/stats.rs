//! What became of the rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts the rows that were written to a table. Clones show the same; it may outlive the table.
#[derive(Debug, Clone, Default)]
pub struct TableStats(Arc<Counts>);

/// Only counted in, and read for people: nothing is ordered by it, so all is `Relaxed`.
#[derive(Debug, Default)]
struct Counts {
    inserted: AtomicU64,
    updated: AtomicU64,
    ignored: AtomicU64,
    already_done: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
}

/// What [`TableStats::snapshot`] shows: rows of committed transactions, and rows that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSnapshot {
    /// New rows.
    pub inserted: u64,
    /// Rows that took the place of one with the same key.
    pub updated: u64,
    /// Rows that were left out because there is one with the same key.
    pub ignored: u64,
    /// Rows that were not written because their task or message was done before.
    pub already_done: u64,
    /// Rows that were not written because another consumer has their task or message by now.
    pub lost: u64,
    /// Rows that could not be written, alone or with their whole batch.
    pub failed: u64,
}

impl TableStats {
    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> TableSnapshot {
        TableSnapshot {
            inserted: self.0.inserted.load(Relaxed),
            updated: self.0.updated.load(Relaxed),
            ignored: self.0.ignored.load(Relaxed),
            already_done: self.0.already_done.load(Relaxed),
            lost: self.0.lost.load(Relaxed),
            failed: self.0.failed.load(Relaxed),
        }
    }

    pub(crate) fn add(&self, counts: TableSnapshot) {
        self.0.inserted.fetch_add(counts.inserted, Relaxed);
        self.0.updated.fetch_add(counts.updated, Relaxed);
        self.0.ignored.fetch_add(counts.ignored, Relaxed);
        self.0.already_done.fetch_add(counts.already_done, Relaxed);
        self.0.lost.fetch_add(counts.lost, Relaxed);
        self.0.failed.fetch_add(counts.failed, Relaxed);
    }
}

impl std::ops::AddAssign for TableSnapshot {
    fn add_assign(&mut self, more: Self) {
        self.inserted += more.inserted;
        self.updated += more.updated;
        self.ignored += more.ignored;
        self.already_done += more.already_done;
        self.lost += more.lost;
        self.failed += more.failed;
    }
}
