//! What a journal has done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pipeline_runtime::journal::Begun;

use super::ask::{Ask, Done};

/// What a journal in a SQLite file has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JournalSnapshot {
    /// Tasks that have begun.
    pub begun: u64,
    /// Of them, those that were done before.
    pub already_done: u64,
    /// Frames that it has recorded.
    pub frames: u64,
    /// Frames that it has refused, since their task had begun again elsewhere.
    pub fenced: u64,
    /// Tasks that were finished.
    pub finished: u64,
    /// Transactions that this took: fewer than frames where one served many.
    pub transactions: u64,
}

/// Only counted in, and read for people: nothing is ordered by it, so all is `Relaxed`.
#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    already_done: AtomicU64,
    fenced: AtomicU64,
    frames: AtomicU64,
    finished: AtomicU64,
    transactions: AtomicU64,
}

/// Counts what a journal in a SQLite file does. Clones count the same.
#[derive(Debug, Clone, Default)]
pub struct JournalStats(Arc<Counts>);

impl JournalStats {
    /// A transaction is committed.
    pub(super) fn served(&self, asks: &[Ask], done: &[Done]) {
        self.0.transactions.fetch_add(1, Relaxed);
        for (ask, done) in asks.iter().zip(done) {
            match (ask, done) {
                (Ask::Record(frames, _), Done::Recorded(fenced)) => {
                    let recorded = frames.len() - fenced.len();
                    self.0.frames.fetch_add(recorded as u64, Relaxed);
                    self.0.fenced.fetch_add(fenced.len() as u64, Relaxed);
                }
                (_, Done::Begun(begun)) => {
                    let done = begun.iter().filter(|begun| **begun == Begun::Done);
                    self.0.already_done.fetch_add(done.count() as u64, Relaxed);
                    self.0.begun.fetch_add(begun.len() as u64, Relaxed);
                }
                (Ask::Finish(tasks, _), _) => {
                    self.0.finished.fetch_add(tasks.len() as u64, Relaxed);
                }
                _ => {}
            }
        }
    }

    /// What there is now.
    #[must_use]
    pub fn snapshot(&self) -> JournalSnapshot {
        JournalSnapshot {
            begun: self.0.begun.load(Relaxed),
            already_done: self.0.already_done.load(Relaxed),
            fenced: self.0.fenced.load(Relaxed),
            frames: self.0.frames.load(Relaxed),
            finished: self.0.finished.load(Relaxed),
            transactions: self.0.transactions.load(Relaxed),
        }
    }
}
