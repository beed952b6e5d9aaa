//! A journal in memory.

use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use pipeline_runtime::journal::{Frame, Journal, JournalError, Recorded};

/// How many bytes it may hold, where nothing else is said.
const CAPACITY: usize = 256 * 1024 * 1024;

/// The fewest.
const LEAST: usize = 1024 * 1024;

/// What a task, and each of its frames, take besides their texts and values, roughly.
const OVERHEAD: usize = 100;

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
#[must_use]
pub fn memory() -> Memory {
    Memory::new(CAPACITY, false)
}

/// What [`memory`] returns.
#[derive(Debug, Clone)]
pub struct Memory {
    tasks: Arc<Mutex<Tasks>>,
    capacity: usize,
    keeps_finished: bool,
}

#[derive(Debug)]
struct Tasks {
    frames: LruCache<Arc<str>, Vec<Recorded>>,
    bytes: usize,
}

impl Memory {
    fn new(capacity: usize, keeps_finished: bool) -> Self {
        let tasks = Tasks {
            // Bounded by what its tasks take, not by their number.
            frames: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            tasks: Arc::new(Mutex::new(tasks)),
            capacity,
            keeps_finished,
        }
    }

    /// How many bytes it may hold, about; at least 1 MiB. The default is 256 MiB. A quarter of it is the most that one
    /// value may take.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn capacity(self, bytes: usize) -> Self {
        Self::new(bytes.max(LEAST), self.keeps_finished)
    }

    /// Keeps tasks that are finished as long as others, for queues that may deliver a message again after it was
    /// acknowledged. Without this they are dropped at once.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn keep_finished(self) -> Self {
        Self::new(self.capacity, true)
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn load(&mut self, task: &str) -> Vec<Recorded> {
        self.frames.get(task).cloned().unwrap_or_default()
    }

    fn record(&mut self, Frame { task, key, value }: Frame) {
        self.bytes += weight(&key, &value);
        let recorded = Recorded { key, value };
        let Some(frames) = self.frames.get_mut(&task) else {
            self.bytes += OVERHEAD + task.len();
            self.frames.put(task, vec![recorded]);
            return;
        };
        match frames.iter_mut().find(|frame| frame.key == recorded.key) {
            None => frames.push(recorded),
            Some(frame) => {
                self.bytes -= weight(&frame.key, &frame.value);
                *frame = recorded;
            }
        }
    }

    fn make_room(&mut self, capacity: usize) {
        while self.bytes > capacity
            && let Some((task, frames)) = self.frames.pop_lru()
        {
            self.forgotten(&task, &frames);
        }
    }

    fn finish(&mut self, task: &str) {
        if let Some(frames) = self.frames.pop(task) {
            self.forgotten(task, &frames);
        }
    }

    fn forgotten(&mut self, task: &str, frames: &[Recorded]) {
        let frames = frames.iter().map(|frame| weight(&frame.key, &frame.value));
        self.bytes -= OVERHEAD + task.len() + frames.sum::<usize>();
    }
}

/// What a frame takes.
fn weight(key: &str, value: &[u8]) -> usize {
    OVERHEAD + key.len() + value.len()
}

impl Journal for Memory {
    fn name(&self) -> Arc<str> {
        "memory".into()
    }

    fn limit(&self) -> usize {
        self.capacity / 4
    }

    fn load(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<Vec<Vec<Recorded>>, JournalError>> + Send {
        let mut known = self.lock();
        ready(Ok(tasks.iter().map(|task| known.load(task)).collect()))
    }

    fn record(&self, frames: Vec<Frame>) -> impl Future<Output = Result<(), JournalError>> + Send {
        let mut tasks = self.lock();
        for frame in frames {
            tasks.record(frame);
            tasks.make_room(self.capacity);
        }
        ready(Ok(()))
    }

    fn finish(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send {
        if !self.keeps_finished {
            let mut known = self.lock();
            for task in &tasks {
                known.finish(task);
            }
        }
        ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(task: &str, key: &str, value: &[u8]) -> Frame {
        Frame {
            task: task.into(),
            key: key.into(),
            value: value.into(),
        }
    }

    #[test]
    fn what_is_forgotten_makes_room_for_as_much() {
        let journal = memory();
        let mut tasks = journal.lock();
        for (key, value) in [("x", &b"1"[..]), ("y", b"22"), ("x", b"333")] {
            tasks.record(frame("a", key, value));
            tasks.record(frame("bb", key, value));
        }
        assert_eq!(tasks.bytes, 2 * 3 * OVERHEAD + 3 + 2 * (2 + 5));
        tasks.finish("a");
        tasks.finish("unknown");
        tasks.make_room(0);
        assert_eq!((tasks.bytes, tasks.frames.len()), (0, 0));
    }

    #[test]
    fn the_task_that_was_touched_longest_ago_is_forgotten_first() {
        let journal = memory();
        let mut tasks = journal.lock();
        for task in ["a", "b", "c"] {
            tasks.record(frame(task, "x", b"1"));
        }
        tasks.load("a");
        let some_less = tasks.bytes - 1;
        tasks.make_room(some_less);
        let known = ["a", "b", "c"].map(|task| tasks.load(task).len());
        assert_eq!(known, [1, 0, 1]);
    }
}
