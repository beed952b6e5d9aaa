//! When a process that has ended is made again.

use std::collections::VecDeque;
use std::time::Duration;

use pipeline_runtime::queue::Backoff;
use tokio::time::Instant;

const MIN: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(30);
const GOOD_AFTER: Duration = Duration::from_secs(60);
const LIMIT: (u32, Duration) = (20, Duration::from_secs(10 * 60));

/// When a process that has ended is made again by its factory, and how long that waits.
///
/// The first wait is 200 ms. Each further one is twice as long, up to 30 s; half of each is random, so that what failed
/// together does not come again together. A run of 60 s is a good one: the waits begin anew behind it.
///
/// More than 20 restarts within 10 minutes are too many: the service is stopped, and says so. A place that was
/// [away](pipeline_runtime::Cause::Away) does not count: for that a process waits as long as it takes.
///
/// # Examples
///
/// ```
/// use pipeline_service::Restart;
/// use std::time::Duration;
///
/// let restart = Restart::on_failure()
///     .min_delay(Duration::from_secs(1))
///     .limit(5, Duration::from_secs(60));
/// # let _ = restart;
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is given to a process"]
pub struct Restart {
    when: When,
    backoff: Backoff,
    good_after: Duration,
    pub(crate) limit: Option<(u32, Duration)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Never,
    Failed,
    Always,
}

impl Restart {
    fn new(when: When) -> Self {
        Self {
            when,
            backoff: Backoff::exponential().min_delay(MIN).max_delay(MAX),
            good_after: GOOD_AFTER,
            limit: Some(LIMIT),
        }
    }

    /// When a run has failed. This is the default of a process.
    pub fn on_failure() -> Self {
        Self::new(When::Failed)
    }

    /// When a run has ended, be it well.
    pub fn always() -> Self {
        Self::new(When::Always)
    }

    /// Not at all. The others run on; that it failed is what the service returns at its end.
    pub fn never() -> Self {
        Self::new(When::Never)
    }

    /// The first wait. The default is 200 ms.
    pub fn min_delay(mut self, delay: Duration) -> Self {
        self.backoff = self.backoff.min_delay(delay);
        self
    }

    /// The longest wait. The default is 30 s.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.backoff = self.backoff.max_delay(delay);
        self
    }

    /// How long a run takes that is a good one, behind which the waits begin anew. The default is 60 s.
    pub fn good_after(mut self, run: Duration) -> Self {
        self.good_after = run;
        self
    }

    /// More than `restarts` within that time stop the service. The default is 20 within 10 minutes. With 0 the first
    /// failure stops it.
    pub fn limit(mut self, restarts: u32, within: Duration) -> Self {
        self.limit = Some((restarts, within));
        self
    }

    /// Any number of restarts.
    pub fn unlimited(mut self) -> Self {
        self.limit = None;
        self
    }

    pub(crate) fn is_after_success(&self) -> bool {
        self.when == When::Always
    }

    pub(crate) fn is_after_failure(&self) -> bool {
        self.when != When::Never
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::on_failure()
    }
}

/// The restarts of one process so far.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Since the last good run.
    attempts: u32,
    /// Those that count towards the limit.
    counted: VecDeque<Instant>,
}

/// More restarts than there may be.
#[derive(Debug)]
pub(crate) struct TooMany {
    pub(crate) restarts: u32,
    pub(crate) within: Duration,
}

impl History {
    /// A run has ended that began then: which attempt is next, and how long it waits. `counts` says whether it was for
    /// more than a place that is away.
    pub(crate) fn next(
        &mut self,
        restart: &Restart,
        began: Option<Instant>,
        counts: bool,
    ) -> Result<(u32, Duration), TooMany> {
        let now = Instant::now();
        if began.is_some_and(|began| now - began >= restart.good_after) {
            self.attempts = 0;
        }
        if let Some((most, within)) = restart.limit.filter(|_| counts) {
            while let Some(first) = self.counted.front()
                && now - *first >= within
            {
                self.counted.pop_front();
            }
            if self.counted.len() >= most as usize {
                return Err(TooMany {
                    restarts: most,
                    within,
                });
            }
            self.counted.push_back(now);
        }
        self.attempts = self.attempts.saturating_add(1);
        Ok((self.attempts, restart.backoff.delay(self.attempts)))
    }
}
