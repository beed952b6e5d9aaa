//! What a journal has done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a journal in a SQLite file has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SqliteStats {
    /// Tasks for which it was asked what is recorded.
    pub loaded: u64,
    /// Frames that it has recorded.
    pub frames: u64,
    /// Tasks that were finished.
    pub finished: u64,
    /// Transactions that this took: fewer than frames where one served many.
    pub transactions: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    loaded: AtomicU64,
    frames: AtomicU64,
    finished: AtomicU64,
    transactions: AtomicU64,
}

impl Counts {
    pub(super) fn loaded(&self, tasks: usize) {
        self.loaded.fetch_add(tasks as u64, Relaxed);
    }

    pub(super) fn written(&self, frames: usize, finished: usize) {
        self.frames.fetch_add(frames as u64, Relaxed);
        self.finished.fetch_add(finished as u64, Relaxed);
        self.transactions.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> SqliteStats {
        SqliteStats {
            loaded: self.loaded.load(Relaxed),
            frames: self.frames.load(Relaxed),
            finished: self.finished.load(Relaxed),
            transactions: self.transactions.load(Relaxed),
        }
    }
}
