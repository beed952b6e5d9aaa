//! Which tasks of a pipeline are under way, and how far they are.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use crate::failure::{StageInfo, write_frames};
use crate::site::Scope;

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
        write!(f, "at {}{behind} (for {age:?})", self.stage.path)
    }
}

/// The tasks of one pipeline that are open.
#[derive(Default)]
pub(crate) struct OpenTasks {
    scope: OnceLock<Scope>,
    open: Mutex<Slab<Weak<dyn Open>>>,
}

/// A task that is open.
pub(super) trait Open: Send + Sync {
    fn opened(&self) -> Instant;

    /// How far it is, in a pipeline of these stages.
    fn running(&self, scope: &Scope, now: Instant) -> RunningTask;
}

impl OpenTasks {
    /// Its tasks number these stages.
    pub(super) fn of(&self, scope: Scope) {
        let _ = self.scope.set(scope);
    }

    /// The place of a task, for [`OpenTasks::remove`].
    pub(super) fn add(&self, entry: Weak<dyn Open>) -> usize {
        self.lock().insert(entry)
    }

    pub(super) fn remove(&self, place: usize) {
        self.lock().try_remove(place);
    }

    /// All of them, the oldest first.
    pub(crate) fn list(&self) -> Vec<RunningTask> {
        let Some(scope) = self.scope.get() else {
            return Vec::new();
        };
        let entries = self.lock();
        let open = entries.iter().filter_map(|(_, entry)| entry.upgrade());
        let mut open: Vec<_> = open.collect();
        // Whoever drops the last handle of an entry takes the lock.
        drop(entries);
        open.sort_by_key(|entry| entry.opened());
        let now = Instant::now();
        open.iter().map(|entry| entry.running(scope, now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Weak<dyn Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
