//! A place that is waited for.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use super::limiter::Limiter;

/// A place of a rate that a call has and waits for. Who drops it lets it pass.
pub(crate) struct Place {
    limiter: Arc<Limiter>,
    key: u64,
    at: u128,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

impl Place {
    pub(super) fn new(limiter: Arc<Limiter>, key: u64, at: u128) -> Self {
        Self { limiter, key, at }
    }

    /// Waits until the call may begin, as far as is known.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn comes(&self) {
        loop {
            let mut changed = pin!(self.limiter.changed.notified());
            // Before the look at the rate: what changes behind it is heard of.
            changed.as_mut().enable();
            let time = self.time();
            if let Either::Right(_) = select(changed, pin!(sleep_until(time))).await {
                return;
            }
        }
    }

    fn time(&self) -> Instant {
        let state = self.limiter.lock();
        state.clock(self.key).time(&state.pace, self.at)
    }

    /// Whether the call may begin now; if not, it has to wait longer, perhaps for another place.
    pub(crate) fn enter(&mut self) -> bool {
        let entered = self.limiter.enter(self.key, Some(self.at));
        self.at = entered.err().unwrap_or(self.at);
        entered.is_ok()
    }
}
