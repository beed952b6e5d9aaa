//! A journal in memory.

mod done;

use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Frame, Journal, JournalError, Recorded, Restore, Restored,
    TaskName,
};

use self::done::{Done, DoneTasks, Print};

/// How many bytes it may hold, where nothing else is said.
const CAPACITY: usize = 256 * 1024 * 1024;

/// The fewest.
const LEAST: usize = 1024 * 1024;

/// What a task, and each of its frames, take besides their texts and values, roughly.
const OVERHEAD: usize = 100;

/// What a task that is done takes, at most.
const DONE: usize = 200;

/// A journal in memory: a task that comes again in the same process resumes, one that comes to another does not.
///
/// It is bounded: the tasks that were touched longest ago make room for new ones, those that are done, by when they
/// were, among them. A task that was forgotten while it is under way is worked on again when its message comes again.
/// Clones share one journal.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors as brigade;
/// use brigade::journal;
///
/// let journal = journal::memory().byte_bound(64 * 1024 * 1024);
/// # let _: &dyn Send = &journal;
/// ```
#[must_use]
pub fn memory() -> MemoryJournal {
    MemoryJournal::new(CAPACITY)
}

/// A journal in memory; [`memory`] makes it.
#[derive(Debug, Clone)]
pub struct MemoryJournal {
    tasks: Arc<Mutex<Tasks>>,
    capacity: usize,
}

#[derive(Debug)]
struct Tasks {
    open: LruCache<TaskName, Open>,
    done: DoneTasks,
    bytes: usize,
    epoch: u64,
    /// How often a task was touched.
    touches: u64,
}

/// What is known of a task that is not done.
#[derive(Debug)]
struct Open {
    print: Print,
    epoch: u64,
    message: Option<Arc<str>>,
    frames: Vec<Recorded>,
    /// When it was touched last.
    touched: u64,
}

impl MemoryJournal {
    fn new(capacity: usize) -> Self {
        let tasks = Tasks {
            // Bounded by what its tasks take, not by their number.
            open: LruCache::unbounded(),
            done: DoneTasks::default(),
            bytes: 0,
            epoch: 0,
            touches: 0,
        };
        Self {
            tasks: Arc::new(Mutex::new(tasks)),
            capacity,
        }
    }

    /// How many bytes it may hold, about; at least 1 MiB. The default is 256 MiB. A quarter of it is the most that one
    /// value may take.
    ///
    /// What was recorded before is forgotten.
    #[must_use]
    pub fn byte_bound(self, bytes: usize) -> Self {
        Self::new(bytes.max(LEAST))
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn begin(&mut self, Begin { task, message }: Begin) -> Begun {
        let print = self.done.print_of(&task);
        match self.done.of(print, message.as_deref()) {
            Done::Not => {}
            Done::Same => return Begun::Done,
            Done::Before => self.undone(print),
        }
        self.epoch += 1;
        self.touches += 1;
        let (epoch, touched) = (self.epoch, self.touches);
        if let Some(open) = self.open.get_mut(&task) {
            (open.epoch, open.message, open.touched) = (epoch, message, touched);
            let frames = open.frames.clone();
            return Begun::Open { epoch, frames };
        }
        self.bytes += OVERHEAD + weight_of_name(&task);
        let open = Open {
            print,
            epoch,
            message,
            frames: Vec::new(),
            touched,
        };
        self.open.put(task, open);
        Begun::Open {
            epoch,
            frames: Vec::new(),
        }
    }

    /// That it is done is forgotten.
    fn undone(&mut self, task: Print) {
        if self.done.remove(task) {
            self.bytes -= DONE;
        }
    }

    fn restore(&mut self, restore: Restore) -> Restored {
        let Restore {
            begin,
            frames,
            forget,
        } = restore;
        let print = self.done.print_of(&begin.task);
        if self.done.is_of(print, begin.message.as_deref()) {
            return Restored::Done;
        }
        // A new task of an old name, whether its message then had a number or not.
        self.undone(print);
        let task = begin.task.clone();
        if let Some(open) = self.open.peek(&task)
            && open.message == begin.message
        {
            return Restored::Open;
        }
        self.begin(begin);
        let Some(open) = self.open.get_mut(&task) else {
            return Restored::Open;
        };
        let forgotten = open
            .frames
            .extract_if(.., |frame| forget.forgets(&frame.key));
        self.bytes -= weight_of_frames(&forgotten.collect::<Vec<_>>());
        for frame in frames {
            if !open.frames.iter().any(|known| known.key == frame.key) {
                self.bytes += weight(&frame.key, &frame.value);
                open.frames.push(frame);
            }
        }
        Restored::Open
    }

    /// Whether the frame is recorded.
    fn record(&mut self, frame: Frame) -> bool {
        let Frame {
            task,
            epoch,
            key,
            value,
        } = frame;
        let known = self.open.peek(&task);
        if known.is_none_or(|open| open.epoch != epoch) {
            return false;
        }
        self.touches += 1;
        let Some(open) = self.open.get_mut(&task) else {
            return false;
        };
        open.touched = self.touches;
        let added = weight(&key, &value);
        let recorded = Recorded { key, value };
        let mut replaced = 0;
        match open
            .frames
            .iter_mut()
            .find(|frame| frame.key == recorded.key)
        {
            None => open.frames.push(recorded),
            Some(frame) => {
                replaced = weight(&frame.key, &frame.value);
                *frame = recorded;
            }
        }
        self.bytes = self.bytes + added - replaced;
        true
    }

    fn make_room(&mut self, capacity: usize) {
        while self.bytes > capacity {
            let open = self.open.peek_lru().map(|(_, open)| open.touched);
            let done = self.done.first();
            // Whichever was touched longest ago, of those there are.
            if done.is_some_and(|done| open.is_none_or(|open| done < open)) {
                self.done.remove_first();
                self.bytes -= DONE;
            } else if let Some((task, open)) = self.open.pop_lru() {
                self.bytes -= weight_of_task(&task, &open);
            } else {
                return;
            }
        }
    }

    fn finish(&mut self, finish: &Finish) {
        let known = self.open.peek(&finish.task);
        if known.is_none_or(|open| open.epoch != finish.epoch) {
            return;
        }
        let Some((task, open)) = self.open.pop_entry(&finish.task) else {
            return;
        };
        self.bytes -= weight_of_task(&task, &open);
        if finish.ending == Ending::Done || open.message.is_some() {
            self.touches += 1;
            self.done
                .add(open.print, open.message.as_deref(), self.touches);
            self.bytes += DONE;
        }
    }
}

/// What a frame takes.
fn weight(key: &str, value: &[u8]) -> usize {
    OVERHEAD + key.len() + value.len()
}

fn weight_of_frames(frames: &[Recorded]) -> usize {
    let frames = frames.iter().map(|frame| weight(&frame.key, &frame.value));
    frames.sum()
}

fn weight_of_task(task: &TaskName, open: &Open) -> usize {
    OVERHEAD + weight_of_name(task) + weight_of_frames(&open.frames)
}

fn weight_of_name(task: &TaskName) -> usize {
    task.scope.len() + task.id.len()
}

impl Journal for MemoryJournal {
    fn name(&self) -> Name {
        "memory".into()
    }

    fn limit(&self) -> usize {
        self.capacity / 4
    }

    fn begin(
        &self,
        tasks: Vec<Begin>,
    ) -> impl Future<Output = Result<Vec<Begun>, JournalError>> + Send {
        let mut known = self.lock();
        let begun = tasks.into_iter().map(|begin| known.begin(begin)).collect();
        known.make_room(self.capacity);
        ready(Ok(begun))
    }

    fn record(
        &self,
        frames: Vec<Frame>,
    ) -> impl Future<Output = Result<Vec<usize>, JournalError>> + Send {
        let (mut tasks, mut fenced) = (self.lock(), Vec::new());
        for (index, frame) in frames.into_iter().enumerate() {
            if !tasks.record(frame) {
                fenced.push(index);
            }
        }
        tasks.make_room(self.capacity);
        ready(Ok(fenced))
    }

    fn restore(
        &self,
        tasks: Vec<Restore>,
    ) -> impl Future<Output = Result<Vec<Restored>, JournalError>> + Send {
        let mut known = self.lock();
        let restored = tasks.into_iter().map(|task| known.restore(task)).collect();
        known.make_room(self.capacity);
        ready(Ok(restored))
    }

    fn finish(&self, tasks: Vec<Finish>) -> impl Future<Output = Result<(), JournalError>> + Send {
        let mut known = self.lock();
        for finish in &tasks {
            known.finish(finish);
        }
        ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(tasks: &mut Tasks, task: &str) -> (u64, usize) {
        let begin = Begin {
            task: name(task),
            message: None,
        };
        match tasks.begin(begin) {
            Begun::Open { epoch, frames } => (epoch, frames.len()),
            Begun::Done => panic!("{task} is done"),
        }
    }

    fn name(task: &str) -> TaskName {
        TaskName {
            scope: "".into(),
            id: task.into(),
        }
    }

    fn frame(task: &str, epoch: u64, key: &str, value: &[u8]) -> Frame {
        Frame {
            task: name(task),
            epoch,
            key: key.into(),
            value: value.into(),
        }
    }

    fn finish(tasks: &mut Tasks, task: &str, epoch: u64, ending: Ending) {
        let task = name(task);
        tasks.finish(&Finish {
            task,
            epoch,
            ending,
        });
    }

    #[test]
    fn what_is_forgotten_makes_room_for_as_much() {
        let journal = memory();
        let mut tasks = journal.lock();
        let (a, b) = (begin(&mut tasks, "a").0, begin(&mut tasks, "bb").0);
        for (key, value) in [("x", &b"1"[..]), ("y", b"22"), ("x", b"333")] {
            assert!(tasks.record(frame("a", a, key, value)));
            assert!(tasks.record(frame("bb", b, key, value)));
        }
        assert_eq!(tasks.bytes, 2 * 3 * OVERHEAD + 3 + 2 * (2 + 5));
        finish(&mut tasks, "a", a, Ending::Dropped);
        finish(&mut tasks, "unknown", 1, Ending::Dropped);
        finish(&mut tasks, "bb", b, Ending::Done);
        assert_eq!(tasks.bytes, DONE, "that it is done is known");
        let done = Begin {
            task: name("bb"),
            message: None,
        };
        assert_eq!(tasks.begin(done), Begun::Done);
        tasks.make_room(0);
        assert_eq!((tasks.bytes, tasks.open.len(), tasks.done.len()), (0, 0, 0));
    }

    #[test]
    fn the_task_that_was_touched_longest_ago_is_forgotten_first() {
        let journal = memory();
        let mut tasks = journal.lock();
        for task in ["a", "b", "c"] {
            let epoch = begin(&mut tasks, task).0;
            assert!(tasks.record(frame(task, epoch, "x", b"1")));
        }
        begin(&mut tasks, "a");
        let some_less = tasks.bytes - 1;
        tasks.make_room(some_less);
        let known = ["a", "b", "c"].map(|task| begin(&mut tasks, task).1);
        assert_eq!(known, [1, 0, 1]);
    }
}
