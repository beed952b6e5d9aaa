//! What was sent and is not written yet.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline_runtime::private::Patience;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::log::{AnyLog, Batch, Entry};

/// How many entries are written at once.
const BATCH: usize = 256;
/// How many bytes of JSON are written at once, and one event more.
const BYTES: usize = 1024 * 1024;
/// A larger event is not written.
const LARGEST: usize = 1024 * 1024;
/// For how long what waits is written when nobody has the broadcast any more.
const LINGER: Duration = Duration::from_secs(30);

/// A bounded number of events that wait to be written.
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    capacity: usize,
    added: Notify,
    /// How many of all that was sent are written, or told as lost.
    written: watch::Sender<u64>,
    /// Nobody sends any more.
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// How many events are among these, and in the batch that is being written.
    events: usize,
    sent: u64,
    lost: u64,
}

impl Outbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity,
            added: Notify::new(),
            written: watch::Sender::new(0),
            closed: watch::Sender::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, if it has become text, is not too large and there is room; else it is lost, and that is told.
    pub(super) fn add(&self, event: Option<String>) {
        let mut waiting = self.lock();
        waiting.sent += 1;
        let has_room = waiting.events < self.capacity;
        if let Some(text) = event.filter(|text| has_room && text.len() <= LARGEST) {
            waiting.events += 1;
            waiting.entries.push_back(Entry::Event(text));
        } else {
            waiting.lost += 1;
            match waiting.entries.back_mut() {
                Some(Entry::Lost(count)) => *count += 1,
                _ => waiting.entries.push_back(Entry::Lost(1)),
            }
        }
        drop(waiting);
        self.added.notify_one();
    }

    /// How many were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Returns when nobody sends any more.
    pub(super) async fn until_closed(&self) {
        // The sender is here.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Waits until all that was sent before is written, or told as lost.
    pub(super) async fn flush(&self) {
        let sent = self.lock().sent;
        let _ = self
            .written
            .subscribe()
            .wait_for(|written| *written >= sent)
            .await;
    }

    fn take(&self) -> Vec<Entry> {
        let mut waiting = self.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < BATCH
            && bytes < BYTES
            && let Some(entry) = waiting.entries.pop_front()
        {
            if let Entry::Event(text) = &entry {
                bytes += text.len();
            }
            taken.push(entry);
        }
        taken
    }

    fn is_written(&self, entries: &[Entry]) {
        let events = entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Event(_)));
        self.lock().events -= events.count();
        let numbers: u64 = entries.iter().map(Entry::numbers).sum();
        self.written.send_modify(|written| *written += numbers);
    }

    /// Writes what is added, until nobody adds any more; what waits then, within a while.
    pub(super) async fn run(self: Arc<Self>, log: Arc<dyn AnyLog>, writer: String) {
        let mut number = 0;
        let mut writes = async || {
            loop {
                let entries = self.take();
                if entries.is_empty() {
                    return;
                }
                number += 1;
                let batch = Batch {
                    writer: writer.clone(),
                    number,
                    entries,
                };
                self.write(&*log, Arc::new(batch)).await;
            }
        };
        let all = async {
            loop {
                writes().await;
                tokio::select! {
                    () = self.added.notified() => {}
                    () = self.until_closed() => break,
                }
            }
            writes().await;
        };
        // From then on also where a batch is under way, as always while the place is away.
        let late = async {
            self.until_closed().await;
            sleep(LINGER).await;
        };
        tokio::select! {
            () = all => {}
            () = late => {
                tracing::warn!(place = %log.name(), "events were not written: the place was away");
            }
        }
    }

    /// As often as it takes.
    async fn write(&self, log: &dyn AnyLog, batch: Arc<Batch>) {
        let patience = Patience::new(log.name().to_string());
        let mut asking = patience.asking();
        while let Err(error) = log.append(Arc::clone(&batch)).await {
            asking.pause_within(&error, None).await;
        }
        asking.answered();
        self.is_written(&batch.entries);
    }
}
