//! A journal to look into, and to make fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use brigade::journal::{Frame, Journal, JournalError, Recorded};
use tokio::sync::Semaphore;

/// A journal in a map.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) frames: Mutex<HashMap<Arc<str>, Vec<Recorded>>>,
    pub(crate) finished: Mutex<Vec<Arc<str>>>,
    /// The sizes of the batches.
    pub(crate) loads: Mutex<Vec<usize>>,
    pub(crate) records: Mutex<Vec<usize>>,
    pub(crate) fails: Mutex<Option<Failing>>,
    /// While this is there, recording waits for its permits.
    pub(crate) gate: Option<Semaphore>,
    pub(crate) limit: Option<usize>,
    pub(crate) panics: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Loads,
    Records,
    Panics,
    Forgets,
    /// It cannot be reached.
    Away,
}

impl Notes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn gated() -> Arc<Self> {
        Arc::new(Self {
            gate: Some(Semaphore::new(0)),
            ..Self::default()
        })
    }

    pub(crate) fn failing(how: Failing) -> Arc<Self> {
        let notes = Self::new();
        *notes.fails.lock().unwrap() = Some(how);
        notes
    }

    /// What is recorded, as `task/key`, sorted.
    pub(crate) fn recorded(&self) -> Vec<String> {
        let frames = self.frames.lock().unwrap();
        let mut recorded: Vec<_> = frames
            .iter()
            .flat_map(|(task, frames)| {
                frames
                    .iter()
                    .map(move |frame| format!("{task}/{}", frame.key))
            })
            .collect();
        recorded.sort();
        recorded
    }

    /// The finished tasks, sorted.
    pub(crate) fn finished(&self) -> Vec<String> {
        let finished = self.finished.lock().unwrap();
        let mut finished: Vec<_> = finished.iter().map(ToString::to_string).collect();
        finished.sort();
        finished
    }

    fn fails(&self, how: Failing) -> bool {
        *self.fails.lock().unwrap() == Some(how)
    }
}

impl Journal for Notes {
    fn name(&self) -> Arc<str> {
        "notes".into()
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    async fn load(&self, tasks: Vec<Arc<str>>) -> Result<Vec<Vec<Recorded>>, JournalError> {
        self.loads.lock().unwrap().push(tasks.len());
        if self.fails(Failing::Loads) {
            return Err(JournalError::refused("the notes are lost"));
        }
        if self.fails(Failing::Away) {
            return Err(JournalError::away("the file is locked"));
        }
        if self.fails(Failing::Forgets) {
            return Ok(Vec::new());
        }
        let frames = self.frames.lock().unwrap();
        Ok(tasks
            .iter()
            .map(|task| frames.get(task).cloned().unwrap_or_default())
            .collect())
    }

    async fn record(&self, recorded: Vec<Frame>) -> Result<(), JournalError> {
        self.records.lock().unwrap().push(recorded.len());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        if self.fails(Failing::Records) {
            return Err(JournalError::refused("the disk is full"));
        }
        if self.fails(Failing::Away) {
            return Err(JournalError::away("the file is locked"));
        }
        assert!(
            !self.fails(Failing::Panics) || self.panics.fetch_add(1, SeqCst) > 0,
            "out of ink"
        );
        let mut frames = self.frames.lock().unwrap();
        for Frame { task, key, value } in recorded {
            frames
                .entry(task)
                .or_default()
                .push(Recorded { key, value });
        }
        Ok(())
    }

    async fn finish(&self, tasks: Vec<Arc<str>>) -> Result<(), JournalError> {
        // What is recorded stays, so that tests can look at it.
        self.finished.lock().unwrap().extend(tasks);
        Ok(())
    }
}
