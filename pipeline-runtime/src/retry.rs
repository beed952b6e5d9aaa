//! When a failed call is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// How often, and after which waits, a failed call is tried again.
///
/// Errors and timeouts are retried, panics are not. While it waits, an item occupies none of the stage's places.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::Retry;
/// use std::time::Duration;
///
/// let retry = Retry::exponential(4).min_delay(Duration::from_millis(20));
/// assert_eq!(retry.attempts(), 4);
/// assert!(retry.delay(2) >= Some(Duration::from_millis(40)));
/// assert_eq!(retry.delay(4), None);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Retry {
    attempts: u32,
    backoff: ExponentialBuilder,
}

impl Retry {
    /// `attempts` calls in all (at least 1), with waits that double from 100 ms up to 10 s, plus a random jitter of
    /// up to as much again.
    pub fn exponential(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            backoff: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(100))
                .with_max_delay(Duration::from_secs(10))
                .with_jitter(),
        }
    }

    /// `attempts` calls in all (at least 1), with the same wait before each.
    pub fn fixed(attempts: u32, wait: Duration) -> Self {
        Self {
            attempts: attempts.max(1),
            backoff: ExponentialBuilder::new()
                .with_factor(1.0)
                .with_min_delay(wait)
                .with_max_delay(wait),
        }
    }

    /// The first wait; the default of `exponential` is 100 ms.
    pub fn min_delay(mut self, wait: Duration) -> Self {
        self.backoff = self.backoff.with_min_delay(wait);
        self
    }

    /// The longest wait, before jitter; the default of `exponential` is 10 s.
    pub fn max_delay(mut self, wait: Duration) -> Self {
        self.backoff = self.backoff.with_max_delay(wait);
        self
    }

    /// How many calls there are in all.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The wait before the call that follows attempt number `attempt` (from 1); `None` if that was the last.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        self.backoff.with_max_times(attempt as usize).build().last()
    }
}
