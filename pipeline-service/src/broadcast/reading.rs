//! What is read of a log, for all in this program who listen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline_runtime::private::Patience;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::{Receiver, Sender};

use super::log::{AnyLog, LogError};
use super::outbox::Outbox;
use crate::json::wrong;

/// How many events are read at once.
const PAGE: usize = 256;

/// The number of an event and the event, or none where all up to this number are missed.
pub(super) type Numbered<E> = (u64, Option<E>);

/// Those who listen here.
pub(super) struct Listeners<E> {
    told: Sender<Numbered<E>>,
    /// The number of the last that they were told of.
    at: Mutex<u64>,
}

impl<E: Clone> Listeners<E> {
    pub(super) fn new(capacity: usize, at: u64) -> Self {
        Self {
            told: Sender::new(capacity),
            at: Mutex::new(at),
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All after the number.
    pub(super) fn listen(&self) -> (Receiver<Numbered<E>>, u64) {
        let at = self.lock();
        (self.told.subscribe(), *at)
    }

    pub(super) fn count(&self) -> usize {
        self.told.receiver_count()
    }

    fn tell(&self, number: u64, event: Option<E>) {
        let mut at = self.lock();
        *at = number;
        // Nobody may listen.
        drop(self.told.send((number, event)));
    }
}

impl<E: Clone + DeserializeOwned + Send + 'static> Listeners<E> {
    /// Reads on, until nobody has the broadcast any more.
    pub(super) async fn run(self: Arc<Self>, log: Arc<dyn AnyLog>, outbox: Arc<Outbox>) {
        let reads = async {
            let patience = Patience::new(log.name().to_string());
            let mut asking = patience.asking();
            loop {
                let changed = log.changed();
                match self.read(&*log).await {
                    Ok(true) => {}
                    Ok(false) => changed.await,
                    Err(error) => {
                        asking.pause_within(&error, None).await;
                        continue;
                    }
                }
                asking.answered();
                asking = patience.asking();
            }
        };
        tokio::select! {
            () = reads => {}
            () = outbox.until_closed() => {}
        }
    }

    /// Reads a page; whether there may be another.
    async fn read(&self, log: &dyn AnyLog) -> Result<bool, LogError> {
        let at = *self.lock();
        let page = log.read(at, PAGE).await?;
        let is_full = page.events.len() >= PAGE;
        for (number, text) in page.events {
            self.tell(number, understood(log, number, &text));
        }
        let at = *self.lock();
        if page.last < at {
            tracing::warn!(place = %log.name(), "its events were set back; what comes from now on is heard");
        }
        if !is_full && page.last != at {
            self.tell(page.last, None);
        }
        Ok(is_full)
    }
}

/// An event that another version of the program has sent may be none of this one's.
fn understood<E: DeserializeOwned>(log: &dyn AnyLog, number: u64, text: &str) -> Option<E> {
    let event = serde_json::from_str(text);
    if let Err(error) = &event {
        let error = wrong(error);
        tracing::warn!(place = %log.name(), number, %error, "an event cannot be read; it counts as missed");
    }
    event.ok()
}
