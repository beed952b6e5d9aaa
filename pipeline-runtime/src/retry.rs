//! When a failed call is tried again.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::failure::Cause;
use crate::guard;

/// The longest wait that an error may ask for, where nothing else is said.
const LONGEST: Duration = Duration::from_secs(300);

/// How often, and after which waits, a failed call is tried again.
///
/// Errors and timeouts are retried, panics are not. What else is not is for the error to say: [`Retry::when`]; and when,
/// where it knows: [`Retry::after`]. While it waits, an item occupies none of the stage's places.
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
///
/// A service that says what is of no use to try again, and how long it wants to be left alone:
///
/// ```
/// # use pipeline_runtime::Retry;
/// # use std::time::Duration;
/// # #[derive(Debug)]
/// struct Answer { status: u16, retry_after: Option<Duration> }
/// # impl std::fmt::Display for Answer {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.status) }
/// # }
/// # impl std::error::Error for Answer {}
///
/// let retry = Retry::exponential(5)
///     .when::<Answer>(|answer| answer.status == 429 || answer.status >= 500)
///     .after::<Answer>(|answer| answer.retry_after);
/// # assert_eq!(retry.attempts(), 5);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Retry {
    attempts: u32,
    backoff: ExponentialBuilder,
    timeouts: bool,
    at_most: Duration,
    asked: Vec<Ask>,
}

/// What the errors of a type are asked: none of that type says nothing.
#[derive(Clone)]
enum Ask {
    When(Question<bool>),
    After(Question<Duration>),
}

type Question<R> = Arc<dyn Fn(&(dyn Error + 'static)) -> Option<R> + Send + Sync>;

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::When(_) => "When",
            Self::After(_) => "After",
        })
    }
}

impl Retry {
    fn new(attempts: u32, backoff: ExponentialBuilder) -> Self {
        Self {
            attempts: attempts.max(1),
            backoff,
            timeouts: true,
            at_most: LONGEST,
            asked: Vec::new(),
        }
    }

    /// `attempts` calls in all (at least 1), with waits that double from 100 ms up to 10 s, plus a random jitter of
    /// up to as much again.
    pub fn exponential(attempts: u32) -> Self {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(10))
            .with_jitter();
        Self::new(attempts, backoff)
    }

    /// `attempts` calls in all (at least 1), with the same wait before each.
    pub fn fixed(attempts: u32, wait: Duration) -> Self {
        let backoff = ExponentialBuilder::new()
            .with_factor(1.0)
            .with_min_delay(wait)
            .with_max_delay(wait);
        Self::new(attempts, backoff)
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

    /// Only errors of which `is_transient` says so are retried; others fail their items at once. It is asked about the
    /// first error of its type among the call's error and those that [`source`](Error::source) gives behind it; where
    /// there is none, as with a timeout, it says nothing. Of several, each has to agree.
    ///
    /// If it panics, that is logged, and the item fails with its error.
    pub fn when<E: Error + 'static>(
        mut self,
        is_transient: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Self {
        let ask = move |error: &(dyn Error + 'static)| Some(is_transient(find(error)?));
        self.asked.push(Ask::When(Arc::new(ask)));
        self
    }

    /// An error that knows when to try again, as an HTTP answer with `Retry-After`: that is waited for then, in place of
    /// what this says. One of more than [`Retry::at_most`] fails the item at once. The error is found as by
    /// [`Retry::when`]; of several answers the first holds.
    ///
    /// If it panics, that is logged, and the item fails with its error.
    pub fn after<E: Error + 'static>(
        mut self,
        wait: impl Fn(&E) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        let ask = move |error: &(dyn Error + 'static)| wait(find(error)?);
        self.asked.push(Ask::After(Arc::new(ask)));
        self
    }

    /// The longest wait that an error may ask for by [`Retry::after`]; the default is 5 minutes.
    pub fn at_most(mut self, wait: Duration) -> Self {
        self.at_most = wait;
        self
    }

    /// Whether a call that took longer than the stage's `timeout` is tried again; it is by default.
    pub fn timeouts(mut self, retried: bool) -> Self {
        self.timeouts = retried;
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

    /// The wait before the next call, where attempt number `attempt` came to this; `None` if it is not tried again.
    /// Panics are final.
    pub(crate) fn again(&self, attempt: u32, cause: &Cause) -> Option<Duration> {
        let delay = self.delay(attempt)?;
        match cause {
            Cause::Panic(_) => None,
            Cause::Timeout(_) => self.timeouts.then_some(delay),
            _ => match cause.error() {
                Some(error) if !self.asked.is_empty() => self.ask(error, delay),
                _ => Some(delay),
            },
        }
    }

    fn ask(&self, error: &(dyn Error + 'static), delay: Duration) -> Option<Duration> {
        let asked = guard::call(|| {
            let mut told = None;
            for ask in &self.asked {
                match ask {
                    Ask::When(when) if when(error) == Some(false) => return None,
                    Ask::After(after) if told.is_none() => told = after(error),
                    Ask::When(_) | Ask::After(_) => {}
                }
            }
            match told {
                Some(wait) => (wait <= self.at_most).then_some(wait),
                None => Some(delay),
            }
        });
        asked.unwrap_or_else(|panicked| {
            let error = guard::text(error);
            tracing::error!(error, "what is asked whether to retry {panicked}");
            None
        })
    }
}

/// The first of its type in the chain.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let source = |error: &&'a (dyn Error + 'static)| (*error).source();
    std::iter::successors(Some(error), source).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("status {0}")]
    struct Status(u16, Option<u64>);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot fetch")]
    struct Fetch(#[source] Status);

    const WAIT: Duration = Duration::from_millis(7);

    fn retry() -> Retry {
        Retry::fixed(3, WAIT)
            .when::<Status>(|status| status.0 >= 500)
            .after::<Status>(|status| status.1.map(Duration::from_secs))
    }

    fn cause(status: u16, after: Option<u64>) -> [Cause; 2] {
        [
            Cause::Error(Status(status, after).into()),
            Cause::Error(Fetch(Status(status, after)).into()),
        ]
    }

    #[test]
    fn an_error_is_asked_wherever_it_stands_in_the_chain() {
        for cause in cause(404, None) {
            assert_eq!(retry().again(1, &cause), None);
        }
        for cause in cause(503, None) {
            assert_eq!(retry().again(1, &cause), Some(WAIT));
            assert_eq!(retry().again(3, &cause), None, "that was the last");
        }
        for cause in cause(503, Some(60)) {
            assert_eq!(retry().again(1, &cause), Some(Duration::from_secs(60)));
        }
    }

    #[test]
    fn what_is_no_such_error_is_retried_as_ever() {
        let other = Cause::Error("no route".into());
        assert_eq!(retry().again(1, &other), Some(WAIT));
        assert_eq!(retry().again(1, &Cause::Timeout(WAIT)), Some(WAIT));
        assert_eq!(retry().again(1, &Cause::Panic("gone".into())), None);
    }

    #[test]
    fn a_wait_that_is_too_long_is_none() {
        let [cause, _] = cause(503, Some(301));
        assert_eq!(retry().again(1, &cause), None);
        let patient = retry().at_most(Duration::from_secs(301));
        assert_eq!(patient.again(1, &cause), Some(Duration::from_secs(301)));
    }

    #[test]
    fn timeouts_are_final_where_that_is_said() {
        let retry = retry().timeouts(false);
        assert_eq!(retry.again(1, &Cause::Timeout(WAIT)), None);
    }

    #[test]
    fn of_several_questions_each_must_agree_and_the_first_wait_holds() {
        let [cause, _] = cause(503, Some(2));
        let one_more = retry().when::<Status>(|status| status.0 != 503);
        assert_eq!(one_more.again(1, &cause), None);
        let later = retry().after::<Status>(|_| Some(Duration::from_secs(9)));
        assert_eq!(later.again(1, &cause), Some(Duration::from_secs(2)));
    }

    #[test]
    fn one_that_panics_ends_the_attempts() {
        let retry = Retry::fixed(3, WAIT).when::<Status>(|_| panic!("who asks?"));
        let [cause, _] = cause(503, None);
        assert_eq!(retry.again(1, &cause), None);
    }
}
