//! When something is due.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

#[cfg(feature = "cron")]
use super::cron::Cron;
use super::occasions::Occasions;

/// How many times of a pattern are looked at one by one, before the rest is passed over.
#[cfg(feature = "cron")]
const COUNTED: u64 = 10_000;

/// When something is due.
#[derive(Debug, Clone)]
pub(crate) enum Timetable {
    /// On a grid from 1970 on.
    Every(Duration),
    /// So long after the end of the last run.
    Continuous(Duration),
    /// When somebody wants it.
    Manual,
    /// When something is heard.
    On(Occasions),
    #[cfg(feature = "cron")]
    Cron(Box<Cron>),
}

/// What was due in a span of time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How often.
    pub(crate) count: u64,
    /// The last of them, as many as were wanted, in order.
    pub(crate) last: VecDeque<SystemTime>,
}

impl Passed {
    fn add(&mut self, at: SystemTime, most: usize) {
        self.count += 1;
        self.last.push_back(at);
        if self.last.len() > most {
            self.last.pop_front();
        }
    }
}

impl Timetable {
    /// The first time after that one.
    pub(crate) fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Every(period) => {
                let passed = steps(time, *period);
                at(passed + 1, *period)
            }
            Self::Continuous(pause) => time.checked_add(*pause),
            Self::Manual | Self::On(_) => None,
            #[cfg(feature = "cron")]
            Self::Cron(cron) => cron.next_after(time),
        }
    }

    /// What was due after `last`, up to `now`.
    pub(crate) fn passed(&self, last: SystemTime, now: SystemTime, most: usize) -> Passed {
        let mut passed = Passed::default();
        match self {
            Self::Every(period) => {
                let (before, until) = (steps(last, *period), steps(now, *period));
                let count = until.saturating_sub(before);
                let first = until - count.min(most as u128);
                let times = (first + 1..=until).filter_map(|step| at(step, *period));
                passed.last = times.collect();
                passed.count = u64::try_from(count).unwrap_or(u64::MAX);
            }
            Self::Continuous(_) => {
                let next = self.next_after(last).filter(|next| *next <= now);
                if let Some(next) = next {
                    passed.add(next, most);
                }
            }
            Self::Manual | Self::On(_) => {}
            #[cfg(feature = "cron")]
            Self::Cron(cron) => {
                let mut from = last;
                while let Some(next) = cron.next_after(from).filter(|next| *next <= now) {
                    passed.add(next, most);
                    from = next;
                    // Away for years: the last of them are found from the other end.
                    if passed.count == COUNTED {
                        let latest = cron.last_until(now, most, from);
                        for at in latest {
                            passed.add(at, most);
                        }
                        break;
                    }
                }
            }
        }
        passed
    }
}

/// How many steps there have been since 1970.
fn steps(time: SystemTime, period: Duration) -> u128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos() / period.as_nanos().max(1)
}

fn at(step: u128, period: Duration) -> Option<SystemTime> {
    let nanos = step.checked_mul(period.as_nanos())?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, rest))
}
