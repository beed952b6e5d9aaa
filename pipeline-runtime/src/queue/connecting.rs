//! A queue that does not answer: at first for some time, later for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::QueueError;
use super::keeper::Keeper;
use crate::run::patience::{Asking, Patience};

/// What is known of a queue that is received from.
pub(super) struct Connecting {
    within: Duration,
    patience: Patience,
    /// It has answered before.
    connected: AtomicBool,
}

impl Connecting {
    pub(super) fn within(within: Duration, queue: &str) -> Arc<Self> {
        Arc::new(Self {
            within,
            patience: Patience::new(format!("queue `{queue}`")),
            connected: AtomicBool::new(false),
        })
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        self.patience.asking()
    }

    pub(super) fn answered<'a>(&'a self, asking: &mut Asking<'a>, keeper: &Keeper) {
        // Relaxed, as below: it is asked by one at a time.
        self.connected.store(true, Ordering::Relaxed);
        if asking.waited() > Duration::ZERO {
            asking.answered();
            *asking = self.asking();
        }
        keeper.receives();
    }

    /// Waits until it is worth to ask again; why it is not.
    pub(super) async fn pause(
        &self,
        asking: &mut Asking<'_>,
        keeper: &Keeper,
        error: QueueError,
    ) -> Result<(), String> {
        let said = error.to_string();
        keeper.receives_not(&said);
        let place = self.patience.place();
        // Relaxed: see above.
        let connected = self.connected.load(Ordering::Relaxed);
        if connected && !error.is_away() {
            return Err(format!("{place}: {said}"));
        }
        let limit = (!connected).then_some(self.within);
        if asking.pause_within(&said, limit).await {
            return Ok(());
        }
        let within = self.within;
        Err(format!(
            "{place}: it could not be received from within {within:?}: {said}"
        ))
    }
}
