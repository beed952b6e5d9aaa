//! How far a reader has come.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How far a source of files has come, for a progress bar. Clones show the same; it may outlive the source.
#[derive(Debug, Clone, Default)]
pub struct ReadStats(Arc<State>);

#[derive(Debug, Default)]
struct State {
    read: AtomicU64,
    total: OnceLock<u64>,
    decompressed: AtomicU64,
    done: AtomicUsize,
    files: AtomicUsize,
    current: Mutex<Option<Arc<str>>>,
}

/// What [`ReadStats::snapshot`] shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadSnapshot {
    /// Bytes read so far, as they are on the disk (compressed).
    pub read: u64,
    /// The bytes on the disk of all files; `None` before the first pull, and where one of them is not a regular file.
    pub total: Option<u64>,
    /// Decompressed bytes so far.
    pub decompressed: u64,
    /// How many files are read to their end, or given up.
    pub done: usize,
    /// How many files there are.
    pub files: usize,
    /// The file that is being read.
    pub current: Option<Arc<str>>,
}

impl ReadStats {
    /// How far it is now. The figures are those of the reading thread, which may be ahead of the pipeline by the
    /// source's byte bound.
    #[must_use]
    pub fn snapshot(&self) -> ReadSnapshot {
        ReadSnapshot {
            read: self.0.read.load(Relaxed),
            total: self.0.total.get().copied(),
            decompressed: self.0.decompressed.load(Relaxed),
            done: self.0.done.load(Relaxed),
            files: self.0.files.load(Relaxed),
            current: self.current().clone(),
        }
    }

    pub(super) fn set_files(&self, files: usize) {
        self.0.files.store(files, Relaxed);
    }

    pub(super) fn set_total(&self, bytes: u64) {
        // Said once, at the start.
        let _ = self.0.total.set(bytes);
    }

    pub(super) fn add_read(&self, bytes: usize) {
        self.0.read.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn add_decompressed(&self, bytes: usize) {
        self.0.decompressed.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn begin(&self, name: &Arc<str>) {
        *self.current() = Some(Arc::clone(name));
    }

    pub(super) fn end(&self) {
        *self.current() = None;
        self.0.done.fetch_add(1, Relaxed);
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
