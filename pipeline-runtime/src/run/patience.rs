//! Waiting for a place that is away.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::retry::Retry;
use crate::run::context::rest;

/// For how long a place is waited for where nothing comes again: no item of those that wait is of a queue's delivery.
const WITHOUT_DELIVERIES: Duration = Duration::from_secs(60);

/// The longest pause between two tries, before jitter.
const LONGEST: Duration = Duration::from_secs(3);

/// How often it is said that a place is still away.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// A place, and all that is known of its being away by those who wait for it.
#[derive(Debug)]
pub struct Patience {
    place: Arc<str>,
    absent: Mutex<Option<Absent>>,
}

#[derive(Debug)]
struct Absent {
    since: Instant,
    said: Instant,
}

impl Patience {
    /// A place of this name.
    pub fn new(place: impl Into<Arc<str>>) -> Self {
        Self {
            place: place.into(),
            absent: Mutex::new(None),
        }
    }

    pub(crate) fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// One who is about to ask the place for something.
    pub fn asking(&self) -> Asking<'_> {
        Asking {
            patience: self,
            away: None,
            tries: 0,
        }
    }

    /// People hear of it when it begins, and each minute while it lasts.
    fn says(&self, error: &dyn fmt::Display) {
        let now = Instant::now();
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match &mut *absent {
            Some(absent) if now - absent.said < SAID_EVERY => return,
            Some(absent) => {
                absent.said = now;
                absent.since
            }
            none => {
                none.insert(Absent {
                    since: now,
                    said: now,
                })
                .since
            }
        };
        drop(absent);
        let (place, away_for) = (&*self.place, now - since);
        tracing::warn!(place, %error, ?away_for, "it is away; tried again with back-off");
    }

    /// And when it ends.
    fn is_back(&self) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = absent.take();
        drop(absent);
        if let Some(Absent { since, .. }) = ended {
            tracing::info!(place = &*self.place, away_for = ?since.elapsed(), "it is back");
        }
    }
}

/// One request to a place, as often as it takes.
#[derive(Debug)]
pub struct Asking<'a> {
    patience: &'a Patience,
    away: Option<Instant>,
    tries: u32,
}

impl Asking<'_> {
    /// The place is away: pauses until it is worth to ask again. Whether it is: with `deliveries` for ever, without for a
    /// minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[cold]
    pub(crate) fn pause(
        &mut self,
        error: &dyn fmt::Display,
        deliveries: bool,
    ) -> impl Future<Output = bool> + Send + use<> {
        self.pause_within(error, (!deliveries).then_some(WITHOUT_DELIVERIES))
    }

    /// The same for that long; `None` is for ever.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[cold]
    pub fn pause_within(
        &mut self,
        error: &dyn fmt::Display,
        limit: Option<Duration>,
    ) -> impl Future<Output = bool> + Send + use<> {
        self.patience.says(error);
        let pause = self.next(limit);
        async move {
            if let Some(pause) = pause {
                rest(pause).await;
            }
            pause.is_some()
        }
    }

    /// How long the next pause is; `None`: it was waited for long enough.
    fn next(&mut self, limit: Option<Duration>) -> Option<Duration> {
        let since = *self.away.get_or_insert_with(Instant::now);
        // It does not grow for ever, and need not be computed from all the tries of a night.
        self.tries = (self.tries + 1).min(16);
        let backoff = Retry::exponential(u32::MAX).max_delay(LONGEST);
        let pause = backoff.delay(self.tries).unwrap_or(LONGEST);
        let Some(limit) = limit else {
            return Some(pause);
        };
        let left = limit.saturating_sub(since.elapsed());
        (!left.is_zero()).then(|| pause.min(left))
    }

    /// For how long the place has been away.
    pub(crate) fn waited(&self) -> Duration {
        self.away.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The place has answered.
    pub fn answered(&self) {
        if self.away.is_some() {
            self.patience.is_back();
        }
    }
}
