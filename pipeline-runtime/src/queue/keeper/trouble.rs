//! A queue that cannot be received from.

use std::sync::Arc;
use std::time::SystemTime;

use super::Keeper;

/// Why a queue cannot be received from, and since when: what
/// [`DeliveryStats::last_error`](crate::queue::DeliveryStats::last_error) shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// What the queue said last.
    pub error: Arc<str>,
    /// When it could not be received from for the first time.
    pub since: SystemTime,
}

impl Keeper {
    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.lock().last_error.clone()
    }

    /// The queue could not be received from.
    pub(crate) fn receives_not(&self, error: &str) {
        let mut state = self.lock();
        let since = state.last_error.as_ref().map(|last| last.since);
        state.last_error = Some(LastError {
            error: error.into(),
            since: since.unwrap_or_else(SystemTime::now),
        });
    }

    /// It was.
    pub(crate) fn receives(&self) {
        self.lock().last_error = None;
    }
}
