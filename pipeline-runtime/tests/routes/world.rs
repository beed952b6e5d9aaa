//! What the items are, and what is seen of them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pipeline_runtime::private::Task;
use pipeline_runtime::{Cause, Failure};

use crate::fate::{Does, Fates, Gets, Id, does};
use crate::shape::Group;

/// How many items are alive, and how many were at the same time.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

/// Counted among what is alive.
#[derive(Debug)]
struct Counted(Arc<Level>);

impl Counted {
    fn new(level: &Arc<Level>) -> Arc<Self> {
        let now = level.now.fetch_add(1, Ordering::SeqCst) + 1;
        level.most.fetch_max(now, Ordering::SeqCst);
        Arc::new(Self(Arc::clone(level)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) id: Id,
    /// Where what is made of it is recorded.
    pub(crate) task: Option<Task>,
    counted: Arc<Counted>,
}

impl Alive {
    pub(crate) fn new(id: Id, level: &Arc<Level>) -> Self {
        Self {
            id,
            task: None,
            counted: Counted::new(level),
        }
    }

    pub(crate) fn child(&self, id: Id) -> Self {
        Self::new(id, &self.counted.0)
    }

    /// What a `tee` in that stage hands on: both are under one credit.
    pub(crate) fn halves(self, stage: usize) -> (Self, Self) {
        let side = Self {
            id: self.id.aside(stage),
            task: None,
            counted: Arc::clone(&self.counted),
        };
        (self, side)
    }

    /// Under a credit of its own.
    pub(crate) fn taken(mut self) -> Self {
        if Arc::strong_count(&self.counted) > 1 {
            self.counted = Counted::new(&self.counted.0);
        }
        self
    }
}

/// An item of this root fails.
#[derive(Debug, thiserror::Error)]
#[error("an item of {0} fails")]
pub(crate) struct Bad(u64);

/// The root of the item that failed, if the failure knows it.
pub(crate) fn root_of(failure: &Failure) -> Option<u64> {
    match failure.cause() {
        Cause::Error(error) => Some(error.downcast_ref::<Bad>()?.0),
        _ => None,
    }
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) fates: Fates,
    pub(crate) level: Arc<Level>,
    /// What was written, in order, by the stages of the sinks; that of the pipeline's end has none.
    pub(crate) written: Mutex<HashMap<Option<usize>, Vec<Id>>>,
    there: Mutex<HashSet<(Option<usize>, Id)>>,
    /// How often an item has failed for good in a stage.
    failed: Mutex<HashMap<(Id, usize), u64>>,
    /// Who has a key of a stage.
    busy: Mutex<HashMap<(usize, u64), Id>>,
    /// What is recorded: tasks and keys.
    recorded: Mutex<HashSet<(Arc<str>, Arc<str>)>>,
    /// Messages that the errors end has acknowledged.
    pub(crate) given_up: Mutex<HashSet<u64>>,
    pub(crate) failures: AtomicUsize,
    /// What must not be.
    pub(crate) faults: Mutex<Vec<String>>,
}

impl World {
    pub(crate) fn new(fates: Fates) -> Arc<Self> {
        Arc::new(Self {
            fates,
            level: Arc::default(),
            written: Mutex::default(),
            there: Mutex::default(),
            failed: Mutex::default(),
            busy: Mutex::default(),
            recorded: Mutex::default(),
            given_up: Mutex::default(),
            failures: AtomicUsize::new(0),
            faults: Mutex::default(),
        })
    }

    pub(crate) fn fault(&self, what: String) {
        self.faults.lock().unwrap().push(what);
    }

    pub(crate) fn write(&self, sink: Option<usize>, id: Id) {
        self.there.lock().unwrap().insert((sink, id));
        self.written
            .lock()
            .unwrap()
            .entry(sink)
            .or_default()
            .push(id);
    }

    /// How many are written.
    pub(crate) fn count(&self) -> usize {
        self.written.lock().unwrap().values().map(Vec::len).sum()
    }

    /// A message is acknowledged: all that is to come of it is there, or somebody has given it up.
    pub(crate) fn acked(&self, root: u64) {
        if self.given_up.lock().unwrap().contains(&root) {
            return;
        }
        let there = self.there.lock().unwrap();
        for (id, gets) in self.fates.of(root) {
            let sink = match gets {
                Gets::Out => None,
                Gets::Into(sink) => Some(sink),
                Gets::MayGetInto(_) | Gets::Filtered | Gets::Failed => continue,
            };
            if !there.contains(&(sink, id)) {
                self.fault(format!(
                    "{root} is acknowledged, and {id:?} not written into {sink:?}"
                ));
            }
        }
    }

    /// What is to be done with an item now: what fails does so once or twice, where it comes again.
    pub(crate) fn does(&self, id: Id, group: &Group) -> Does {
        let does = does(id, group);
        if !(self.fates.redelivers && does.is_failure()) {
            return does;
        }
        let mut failed = self.failed.lock().unwrap();
        let times = failed.entry((id, group.stage)).or_default();
        *times += 1;
        if *times > 1 + id.number % 2 {
            Does::Emits
        } else {
            does
        }
    }

    /// What the stage of that key has made for a task is recorded.
    pub(crate) fn recorded(&self, task: &Arc<str>, key: &Arc<str>) {
        let mut recorded = self.recorded.lock().unwrap();
        recorded.insert((Arc::clone(task), Arc::clone(key)));
    }

    /// The stage of that key is called for a task.
    pub(crate) fn calls(&self, task: &Arc<str>, key: &str) {
        let what = (Arc::clone(task), key.into());
        if self.recorded.lock().unwrap().contains(&what) {
            self.fault(format!("{key} is called again for {task}"));
        }
    }

    pub(crate) fn key(id: Id, keys: u64) -> u64 {
        id.number % keys
    }

    /// A call for the item begins, the first one or a later one.
    pub(crate) fn begins(&self, id: Id, group: &Group) {
        let Some(keys) = group.by else {
            return;
        };
        let key = (group.stage, Self::key(id, keys));
        let before = self.busy.lock().unwrap().insert(key, id);
        if before.is_some_and(|before| before != id) {
            self.fault(format!("{id:?} and {before:?} have the key {key:?}"));
        }
    }

    /// It is done with in that stage.
    pub(crate) fn ends(&self, id: Id, group: &Group) {
        if let Some(keys) = group.by {
            let key = (group.stage, Self::key(id, keys));
            self.busy.lock().unwrap().remove(&key);
        }
    }

    /// What a failing call says.
    pub(crate) fn bad(id: Id) -> Bad {
        Bad(id.root)
    }
}
