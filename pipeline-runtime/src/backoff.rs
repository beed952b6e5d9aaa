//! When what failed is tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The first delay, unless it is said otherwise.
const MIN: Duration = Duration::from_secs(1);
/// The longest delay, unless it is said otherwise.
const MAX: Duration = Duration::from_secs(15 * 60);

/// How long what has failed waits until it is tried again: the longer, the more often it was. For a message that is not
/// delivered again meanwhile, see [`nacks`](crate::queue::nacks); for a source that is made again,
/// [`source::again`](crate::source::again). A [`Duration`] is one that stays the same.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use pipeline_runtime::queue::Backoff;
/// let backoff = Backoff::exponential().max_delay(Duration::from_secs(60));
/// assert!(backoff.delay(1) <= Duration::from_secs(1));
/// assert!(backoff.delay(20) >= Duration::from_secs(30));
/// assert_eq!(Backoff::from(Duration::from_secs(5)).delay(20), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Backoff {
    min: Duration,
    max: Duration,
    grows: bool,
}

impl Backoff {
    /// Delays that double from 1 second up to 15 minutes. Half of each is random, so that what failed together does not come
    /// again together.
    pub fn exponential() -> Self {
        Self {
            min: MIN,
            max: MAX,
            grows: true,
        }
    }

    /// The first delay; the default of `exponential` is 1 second.
    pub fn min_delay(mut self, delay: Duration) -> Self {
        self.min = delay;
        self
    }

    /// The longest delay; the default of `exponential` is 15 minutes.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max = delay;
        self
    }

    /// The delay of what was tried `attempts` times, the last one included.
    #[must_use]
    pub fn delay(&self, attempts: u32) -> Duration {
        if !self.grows {
            return self.min.min(self.max);
        }
        let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let delay = self.min.saturating_mul(factor).min(self.max);
        // Of 53 bits, as many as a float has.
        let chance = (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64;
        delay / 2 + (delay / 2).mul_f64(chance)
    }
}

impl From<Duration> for Backoff {
    fn from(delay: Duration) -> Self {
        Self {
            min: delay,
            max: delay,
            grows: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_doubles_up_to_the_longest_and_half_of_it_is_random() {
        let seconds = Duration::from_secs;
        let backoff = Backoff::exponential().max_delay(seconds(10));
        for (attempts, whole) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (4, 8),
            (5, 10),
            (u32::MAX, 10),
        ] {
            let delays: Vec<_> = (0..100).map(|_| backoff.delay(attempts)).collect();
            let (least, most) = (seconds(whole) / 2, seconds(whole));
            assert!(
                delays.iter().all(|delay| (least..=most).contains(delay)),
                "{delays:?}"
            );
            assert!(delays.iter().any(|delay| *delay != delays[0]), "{delays:?}");
        }
    }

    #[test]
    fn a_fixed_delay_stays_as_it_is_however_long() {
        for delay in [Duration::ZERO, Duration::MAX] {
            for attempts in [1, 7, u32::MAX] {
                assert_eq!(Backoff::from(delay).delay(attempts), delay);
            }
        }
        let longest = Backoff::exponential()
            .min_delay(Duration::MAX)
            .max_delay(Duration::MAX);
        assert!(longest.delay(u32::MAX) >= Duration::MAX / 3);
    }
}
