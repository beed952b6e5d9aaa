//! What the tests share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use brigade::service::{Noted, Service};

/// Seconds.
pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Keeps what is told, in order.
#[derive(Debug)]
pub(crate) struct Heard<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Heard<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Heard<T> {
    pub(crate) fn add(&self, what: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A service that keeps what is noted.
pub(crate) fn noting<S: Send + Sync + 'static>(state: S) -> (Service<S>, Heard<Noted>) {
    let heard = Heard::default();
    let told = heard.clone();
    let service = Service::new("test", state).on_failure(move |noted| told.add(noted.clone()));
    (service, heard)
}
