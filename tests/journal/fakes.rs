//! What the tests share: a journal to look into, and to make fail; dead letters to look at.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::Name;
use brigade::journal::{Begin, Begun, Finish, Frame, Journal, JournalError, Recorded, TaskName};
use brigade::queue::{
    DeadLetter, DeadLetters, DeadLettersError, Memory, Outgoing, Queue as _, memory,
};
use tokio::sync::Semaphore;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A journal in a map.
#[derive(Default)]
pub(crate) struct Notes {
    /// By the ids of the tasks.
    pub(crate) frames: Mutex<HashMap<Arc<str>, Vec<Recorded>>>,
    pub(crate) epochs: Mutex<HashMap<TaskName, u64>>,
    pub(crate) last_epoch: AtomicU64,
    pub(crate) finished: Mutex<Vec<Arc<str>>>,
    /// The sizes of the batches.
    pub(crate) begins: Mutex<Vec<usize>>,
    pub(crate) records: Mutex<Vec<usize>>,
    pub(crate) fails: Mutex<Option<Failing>>,
    /// While this is there, recording waits for its permits.
    pub(crate) gate: Option<Semaphore>,
    pub(crate) limit: Option<usize>,
    pub(crate) panics: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Begins,
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
    fn name(&self) -> Name {
        "notes".into()
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        self.begins.lock().unwrap().push(tasks.len());
        if self.fails(Failing::Begins) {
            return Err(JournalError::refused("the notes are lost"));
        }
        if self.fails(Failing::Away) {
            return Err(JournalError::away("the file is locked"));
        }
        if self.fails(Failing::Forgets) {
            return Ok(Vec::new());
        }
        let (frames, mut epochs) = (self.frames.lock().unwrap(), self.epochs.lock().unwrap());
        let begun = tasks.into_iter().map(|Begin { task, .. }| {
            let epoch = self.last_epoch.fetch_add(1, SeqCst) + 1;
            let frames = frames.get(&task.id).cloned().unwrap_or_default();
            epochs.insert(task, epoch);
            Begun::Open { epoch, frames }
        });
        Ok(begun.collect())
    }

    async fn record(&self, recorded: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
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
        let (mut frames, epochs) = (self.frames.lock().unwrap(), self.epochs.lock().unwrap());
        let mut fenced = Vec::new();
        for (index, frame) in recorded.into_iter().enumerate() {
            let Frame {
                task,
                epoch,
                key,
                value,
            } = frame;
            if epochs.get(&task) == Some(&epoch) {
                let frames = frames.entry(task.id).or_default();
                frames.push(Recorded { key, value });
            } else {
                fenced.push(index);
            }
        }
        Ok(fenced)
    }

    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        // What is recorded stays, so that tests can look at it.
        let ids = tasks.into_iter().map(|finish| finish.task.id);
        self.finished.lock().unwrap().extend(ids);
        Ok(())
    }
}

/// Dead letters to look at.
#[derive(Clone, Default)]
pub(crate) struct Letters(Arc<Mutex<Vec<DeadLetter>>>);

impl Letters {
    pub(crate) fn written(&self) -> Vec<DeadLetter> {
        self.0.lock().unwrap().clone()
    }
}

impl DeadLetters for Letters {
    fn name(&self) -> Name {
        "letters".into()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        self.0.lock().unwrap().extend(letters);
        Ok(())
    }
}

/// A queue with these messages, each an id and a text.
pub(crate) async fn sent(messages: &[(&str, &str)]) -> Memory<String> {
    let queue = memory();
    let outgoing = |(id, text): &(&str, &str)| Outgoing::new((*text).to_owned()).id(*id);
    let unsent = queue
        .send(messages.iter().map(outgoing).collect())
        .await
        .unwrap();
    assert!(unsent.is_empty());
    queue
}

pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "never: {what}"
    );
}
