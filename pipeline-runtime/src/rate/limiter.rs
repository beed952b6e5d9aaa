//! What those who share a rate share.

use std::hash::RandomState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::gcra::{Gcra, Pace};
use super::keyed::Keyed;

/// Timers are no finer than this: so many calls as it takes have to wait at the same time for none to be missed.
pub(super) const FINE: Duration = Duration::from_millis(10);

pub(super) struct Limiter {
    pub(super) state: Mutex<State>,
    /// How many items of a stage have to wait at the same time, for none of the places to be missed.
    pub(super) ahead: AtomicUsize,
    /// What the keys are hashed by, in all stages that share it.
    pub(super) seed: RandomState,
    /// Told when waiting may take another time than was thought.
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) pace: Pace,
    pub(super) lane: Gcra,
    /// For each key its own, if there is one for each.
    pub(super) keyed: Option<Keyed>,
}

impl Limiter {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a rate for each key any number of items may wait: those of one key are in nobody's way.
    pub(super) fn look_ahead(&self, state: &State) {
        let ahead = match state.keyed {
            None => state.pace.calls(FINE),
            Some(_) => usize::MAX,
        };
        // A hint, which nothing else is read by.
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    pub(super) fn enter(&self, key: u64, waited: Option<u128>) -> Result<(), u128> {
        let state = &mut *self.lock();
        // Under the lock: no later look at the clock is told to be earlier.
        let (now, pace) = (Instant::now(), state.pace);
        state.lane(key, &pace, now).enter(&pace, now, waited)
    }
}

impl State {
    /// What shares one rate with the calls of `key`.
    fn lane(&mut self, key: u64, pace: &Pace, now: Instant) -> &mut Gcra {
        match &mut self.keyed {
            Some(keyed) => keyed.lane(key, pace, now),
            None => &mut self.lane,
        }
    }

    /// By which clock the calls of `key` go.
    pub(super) fn clock(&self, key: u64) -> &Gcra {
        match &self.keyed {
            Some(keyed) => keyed.clock(key),
            None => &self.lane,
        }
    }
}
