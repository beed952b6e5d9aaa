//! Which tasks of a pipeline are under way, and how far they are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::task::Entry;
use crate::failure::{StageInfo, write_frames};
use crate::step::Site;

/// A task that is under way, of a pipeline with a journal; [`Handle::tasks`](crate::Handle::tasks) lists them.
///
/// Its `Display` is its stack: `original → post → clean → at locate (for 12.3s)`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunningTask {
    /// The id under which it is recorded.
    pub id: Arc<str>,
    /// The last stage it has reached. Where that ends the task's record, the item may be anywhere behind it.
    pub stage: StageInfo,
    /// Whether that stage ends the task's record.
    pub is_last: bool,
    /// The frames that it has passed.
    pub frames: &'static [&'static str],
    /// How long ago it was opened.
    pub age: Duration,
}

impl fmt::Display for RunningTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_frames(f, self.frames)?;
        let behind = if self.is_last { " or behind it" } else { "" };
        let age = Duration::from_millis(self.age.as_millis().try_into().unwrap_or(u64::MAX));
        write!(f, "at {}{behind} (for {age:?})", self.stage.name)
    }
}

/// The tasks of one pipeline that are open.
#[derive(Default)]
pub(crate) struct OpenTasks {
    site: OnceLock<&'static Site>,
    opened: AtomicU64,
    /// In the order in which they were opened.
    open: Mutex<BTreeMap<u64, Weak<Entry>>>,
}

impl OpenTasks {
    /// The stages of its tasks are numbered as those of this site.
    pub(super) fn of(&self, site: &'static Site) {
        let _ = self.site.set(site);
    }

    /// A number for the next task, greater than those before.
    pub(super) fn number(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add(&self, number: u64, entry: &Arc<Entry>) {
        self.lock().insert(number, Arc::downgrade(entry));
    }

    pub(super) fn remove(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// All of them, the oldest first.
    pub(crate) fn list(&self) -> Vec<RunningTask> {
        let open: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        let Some(site) = self.site.get() else {
            return Vec::new();
        };
        // The last handle of an entry takes the lock when it is dropped.
        open.iter().map(|entry| entry.running(site)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Entry>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
