//! A journal in memory.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use pipeline_runtime::journal::{Frame, Journal, JournalError, Recorded};

/// How many bytes it may hold, where nothing else is said.
const CAPACITY: u64 = 256 * 1024 * 1024;

/// For how long a task is kept, where nothing else is said.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What one task takes besides its id, keys and values, roughly.
const OVERHEAD: usize = 200;

/// A journal in memory: a task that comes again in the same process resumes, one that comes to another does not.
///
/// It is bounded: the tasks that were touched longest ago make room for new ones. Clones share one journal.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors as brigade;
/// use brigade::journal;
///
/// let journal = journal::memory().capacity(64 * 1024 * 1024);
/// # let _: &dyn Send = &journal;
/// ```
pub fn memory() -> Memory {
    Memory::new(CAPACITY, KEPT, false)
}

/// What [`memory`] returns.
#[derive(Debug, Clone)]
pub struct Memory {
    tasks: Cache<Arc<str>, Arc<Vec<Recorded>>>,
    capacity: u64,
    kept: Duration,
    keeps_finished: bool,
}

impl Memory {
    fn new(capacity: u64, kept: Duration, keeps_finished: bool) -> Self {
        let tasks = Cache::builder()
            // What was recorded last is what a task that comes again needs.
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|task: &Arc<str>, frames: &Arc<Vec<Recorded>>| weight(task, frames))
            .max_capacity(capacity)
            .time_to_idle(kept)
            .build();
        Self {
            tasks,
            capacity,
            kept,
            keeps_finished,
        }
    }

    /// How many bytes it may hold, about; at least 1 MiB. The default is 256 MiB. A quarter of it is the most that one
    /// value may take.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn capacity(self, bytes: u64) -> Self {
        Self::new(bytes.max(1024 * 1024), self.kept, self.keeps_finished)
    }

    /// For how long a task is kept that nobody asks for. The default is a day.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn keep(self, age: Duration) -> Self {
        Self::new(self.capacity, age, self.keeps_finished)
    }

    /// Keeps tasks that are finished as long as others, for queues that may deliver a message again after it was
    /// acknowledged. Without this they are dropped at once.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn keep_finished(self) -> Self {
        Self::new(self.capacity, self.kept, true)
    }
}

fn weight(task: &str, frames: &[Recorded]) -> u32 {
    let recorded = frames
        .iter()
        .map(|frame| frame.key.len() + frame.value.len() + 64);
    let bytes = task.len() + OVERHEAD + recorded.sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Journal for Memory {
    fn name(&self) -> Arc<str> {
        "memory".into()
    }

    fn limit(&self) -> usize {
        usize::try_from(self.capacity / 4).unwrap_or(usize::MAX)
    }

    fn load(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<Vec<Vec<Recorded>>, JournalError>> + Send {
        let frames = |task| {
            self.tasks
                .get(task)
                .map_or_else(Vec::new, |frames| frames.to_vec())
        };
        ready(Ok(tasks.iter().map(frames).collect()))
    }

    fn record(&self, frames: Vec<Frame>) -> impl Future<Output = Result<(), JournalError>> + Send {
        for Frame { task, key, value } in frames {
            let recorded = Recorded { key, value };
            self.tasks.entry(task).and_upsert_with(|entry| {
                let mut frames = entry.map_or_else(Vec::new, |entry| entry.into_value().to_vec());
                frames.retain(|frame| frame.key != recorded.key);
                frames.push(recorded);
                Arc::new(frames)
            });
        }
        ready(Ok(()))
    }

    fn finish(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send {
        if !self.keeps_finished {
            tasks.iter().for_each(|task| self.tasks.invalidate(task));
        }
        ready(Ok(()))
    }
}
