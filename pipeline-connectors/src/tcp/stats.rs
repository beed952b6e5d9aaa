//! What a listener counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts a listener's connections. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct TcpStats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    closed: AtomicU64,
    accept_errors: AtomicU64,
}

/// What [`TcpStats::snapshot`] shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpSnapshot {
    /// Connections that came.
    pub accepted: u64,
    /// Connections of these that are gone, as far as the source has seen their end.
    pub closed: u64,
    /// How often a connection could not be accepted.
    pub accept_errors: u64,
}

impl TcpStats {
    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> TcpSnapshot {
        TcpSnapshot {
            accepted: self.0.accepted.load(Relaxed),
            closed: self.0.closed.load(Relaxed),
            accept_errors: self.0.accept_errors.load(Relaxed),
        }
    }

    pub(super) fn accepted(&self) {
        self.0.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn closed(&self) {
        self.0.closed.fetch_add(1, Relaxed);
    }

    pub(super) fn accept_error(&self) {
        self.0.accept_errors.fetch_add(1, Relaxed);
    }
}
