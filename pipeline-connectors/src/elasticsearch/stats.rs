//! What became of the documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what is written by a sink. Clones show the same; it may outlive the sink.
#[derive(Debug, Clone, Default)]
pub struct BulkStats(Arc<Counts>);

/// Only counted in, and read for people: nothing is ordered by it, so all is `Relaxed`.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    bytes: AtomicU64,
    written: AtomicU64,
    failed: AtomicU64,
    again: AtomicU64,
    halved: AtomicU64,
    broken: AtomicU64,
}

/// What [`BulkStats::snapshot`] shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkSnapshot {
    /// Requests that were begun.
    pub requests: u64,
    /// What they had to send, in bytes.
    pub bytes: u64,
    /// Documents that the server has taken.
    pub written: u64,
    /// Documents that could not be written.
    pub failed: u64,
    /// Documents that were sent, or were to be, and had to be sent again: the server had no room for them, or the request
    /// came to nothing.
    pub again: u64,
    /// Requests that were divided, because they were too large or refused as a whole.
    pub halved: u64,
    /// Connections that were refused, or ended before an answer had come.
    pub broken: u64,
}

impl BulkStats {
    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> BulkSnapshot {
        BulkSnapshot {
            requests: self.0.requests.load(Relaxed),
            bytes: self.0.bytes.load(Relaxed),
            written: self.0.written.load(Relaxed),
            failed: self.0.failed.load(Relaxed),
            again: self.0.again.load(Relaxed),
            halved: self.0.halved.load(Relaxed),
            broken: self.0.broken.load(Relaxed),
        }
    }

    pub(super) fn request(&self, bytes: usize) {
        self.0.requests.fetch_add(1, Relaxed);
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn written(&self) {
        self.0.written.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.0.failed.fetch_add(1, Relaxed);
    }

    pub(super) fn again(&self, documents: usize) {
        self.0.again.fetch_add(documents as u64, Relaxed);
    }

    pub(super) fn halved(&self) {
        self.0.halved.fetch_add(1, Relaxed);
    }

    pub(super) fn broken(&self) {
        self.0.broken.fetch_add(1, Relaxed);
    }
}
