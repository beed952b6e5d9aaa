//! A broadcast that other programs hear, too.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::{AnyLog, EventLog};
use super::outbox::Outbox;
use super::reading::Listeners;
use crate::json::wrong;

/// What is written of an event.
type Written<E> = fn(&E) -> Option<String>;

/// Both ends of a log in this program.
pub(super) struct Over<E> {
    outbox: Arc<Outbox>,
    pub(super) listeners: Arc<Listeners<E>>,
    written: Written<E>,
}

impl<E: Clone + Serialize + DeserializeOwned + Send + 'static> Over<E> {
    pub(super) fn start(log: impl EventLog, after: u64, capacity: usize) -> Self {
        let log: Arc<dyn AnyLog> = Arc::new(log);
        let outbox = Arc::new(Outbox::new(capacity));
        let listeners = Arc::new(Listeners::new(capacity, after));
        let writes = Arc::clone(&outbox).run(Arc::clone(&log), writer());
        tokio::spawn(writes);
        let reads = Arc::clone(&listeners).run(log, Arc::clone(&outbox));
        tokio::spawn(reads);
        Self {
            outbox,
            listeners,
            written,
        }
    }
}

impl<E> Over<E> {
    pub(super) fn send(&self, event: &E) {
        self.outbox.add((self.written)(event));
    }

    pub(super) fn lost(&self) -> u64 {
        self.outbox.lost()
    }

    pub(super) async fn flush(&self) {
        self.outbox.flush().await;
    }
}

impl<E> Drop for Over<E> {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

fn written<E: Serialize>(event: &E) -> Option<String> {
    let text = serde_json::to_string(event);
    if let Err(error) = &text {
        let error = wrong(error);
        tracing::warn!(%error, "an event cannot be written as JSON; it counts as missed");
    }
    text.ok()
}

/// Tells this handle from all others, of all programs.
fn writer() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
