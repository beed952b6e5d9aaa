//! How often calls are made.

mod gcra;
mod keyed;
mod limiter;
mod place;

use std::fmt;
use std::hash::RandomState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use gcra::{Gcra, Pace};
use keyed::Keyed;
use limiter::{FINE, Limiter, State};
pub(crate) use place::Place;

/// How often a stage's calls may begin: `with { rate: Rate::per_second(100) }`.
///
/// Every attempt takes a place, the first as any that `retry` makes, in the order in which they ask, which with several
/// workers on threads need not be that of the items; waiting for it is no part of the stage's `timeout`. While it waits, an item occupies none of the stage's places, and the stage takes no
/// more items than it needs to keep the rate: as many as its count, or what there is room for in 10 ms if that is more.
///
/// A `Rate` is a handle: stages and pipelines that are given clones of one share it. Its clock is that of tokio, paused or
/// not, so those who share one should not differ in that.
///
/// Calls begin evenly: 100 in a second are one each 10 ms. What was not used is gone, unless a [`burst`](Self::burst) is
/// kept for it. A call that begins late, for its timer was late or all places were taken, holds back those behind it when
/// it is more than 20 ms late: in any span of time there begin at most as many calls as the rate says for a span that is
/// 20 ms longer, and a burst.
///
/// The arithmetic is the [generic cell rate algorithm](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm), as
/// ITU-T I.371 has it, with places that are reserved in turn.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::Rate;
/// use std::time::Duration;
///
/// let rate = Rate::per(600, Duration::from_secs(60)).burst(20);
/// let shared = rate.clone(); // for another stage, or pipeline
/// rate.set(Rate::per_second(5))?; // for both
/// # Ok::<(), pipeline_runtime::SetRateError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Rate(Arc<Limiter>);

/// Why a rate is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.has(), self.rule())]
#[non_exhaustive]
pub enum SetRateError {
    /// No call would ever begin.
    Zero,
    /// So many calls in no time at all.
    NoTime,
    /// No call could begin at once.
    NoBurst,
    /// No key could have one.
    NoKeys,
}

impl SetRateError {
    pub(crate) fn has(self) -> &'static str {
        match self {
            Self::Zero => "a rate of 0",
            Self::NoTime => "a rate per no time",
            Self::NoBurst => "a burst of 0",
            Self::NoKeys => "a rate for each of 0 keys",
        }
    }

    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Zero => "a rate is at least 1",
            Self::NoTime => "leave the rate out where nothing is limited",
            Self::NoBurst => "a burst is at least 1",
            Self::NoKeys => "they are at least 1",
        }
    }
}

impl Rate {
    /// So many calls in a second. 0 is an error when the pipeline starts.
    pub fn per_second(count: u32) -> Self {
        Self::per(count, Duration::from_secs(1))
    }

    /// So many calls in that time, which may be long: `Rate::per(1_000, Duration::from_secs(86_400))`. They begin evenly
    /// spread over it. 0 of both is an error when the pipeline starts.
    pub fn per(count: u32, time: Duration) -> Self {
        let pace = Pace {
            count,
            per: time,
            burst: 1,
        };
        Self(Arc::new(Limiter {
            ahead: AtomicUsize::new(pace.calls(FINE)),
            state: Mutex::new(State {
                lane: Gcra::new(Instant::now()),
                keyed: None,
                pace,
            }),
            seed: RandomState::new(),
            changed: Notify::new(),
        }))
    }

    /// So many calls may begin at once after a time without any; the default is 1. In any span there are then up to so
    /// many more than the rate says. 0 is an error when the pipeline starts. It is so for all clones: they are one rate.
    pub fn burst(self, calls: u32) -> Self {
        self.0.lock().pace.burst = calls;
        self
    }

    /// One rate for each value of the stage's `by`, for at most `most` of them: which was not used for longest is
    /// forgotten, and begins anew. Stages that share it share that of each key, if their keys hash alike. 0 is an error when
    /// the pipeline starts, and so is a stage without `by`. It is so for all clones, as with [`burst`](Rate::burst).
    pub fn each(self, most: usize) -> Self {
        let mut state = self.0.lock();
        state.keyed = Some(Keyed::new(most, Instant::now()));
        self.0.look_ahead(&state);
        drop(state);
        self
    }

    /// From now on as `other`: so many calls, in its time, with its burst. Whoever waits goes on waiting in its turn, at
    /// the new rate. Whether there is one for each key does not change.
    ///
    /// # Errors
    ///
    /// `other` is none: 0 calls, no time, or a burst of 0. Nothing changes.
    pub fn set(&self, other: Self) -> Result<(), SetRateError> {
        let Self(other) = other;
        let pace = other.lock().pace;
        check(&pace)?;
        let (state, now) = (&mut *self.0.lock(), Instant::now());
        state.lane.turn(&state.pace, now);
        if let Some(keyed) = &mut state.keyed {
            keyed.turn(&state.pace, now);
        }
        state.pace = pace;
        self.0.look_ahead(state);
        self.0.changed.notify_waiters();
        Ok(())
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), SetRateError> {
        let state = self.0.lock();
        check(&state.pace)?;
        match &state.keyed {
            Some(keyed) if keyed.most() == 0 => Err(SetRateError::NoKeys),
            _ => Ok(()),
        }
    }

    /// What keys are hashed by, if there is one for each.
    pub(crate) fn seed(&self) -> Option<RandomState> {
        self.0.lock().keyed.as_ref().map(|_| self.0.seed.clone())
    }

    /// How many items of a stage have to wait for it at the same time, so that none of its places is missed.
    pub(crate) fn ahead(&self) -> usize {
        // A hint: see `look_ahead`.
        self.0.ahead.load(Ordering::Relaxed)
    }

    /// Takes a place for a call, of that key if there is one for each; one that has to be waited for.
    pub(crate) fn enter(&self, key: u64) -> Option<Place> {
        let at = self.0.enter(key, None).err()?;
        Some(Place::new(Arc::clone(&self.0), key, at))
    }
}

fn check(pace: &Pace) -> Result<(), SetRateError> {
    match pace {
        Pace { count: 0, .. } => Err(SetRateError::Zero),
        Pace { burst: 0, .. } => Err(SetRateError::NoBurst),
        Pace { per, .. } if per.is_zero() => Err(SetRateError::NoTime),
        _ => Ok(()),
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { pace, keyed, .. } = &*self.0.lock();
        let Pace { count, per, burst } = pace;
        let mut rate = f.debug_struct("Rate");
        rate.field("count", count)
            .field("per", per)
            .field("burst", burst);
        rate.field("each", &keyed.as_ref().map(Keyed::most))
            .finish()
    }
}

#[cfg(test)]
mod tests;
