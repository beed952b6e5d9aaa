//! Patterns of cron, in a time zone.

use std::collections::VecDeque;
use std::fmt;
use std::time::SystemTime;

use croner::errors::CronError;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::error::ScheduleError;

/// A pattern, in a time zone.
#[derive(Clone)]
pub(crate) struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.pattern.as_str()).finish()
    }
}

impl Cron {
    pub(super) fn new(pattern: &str, zone: &str) -> Result<Self, ScheduleError> {
        let parsed = pattern.parse::<croner::Cron>();
        let parsed = parsed.map_err(|error| ScheduleError::Pattern {
            pattern: pattern.to_owned(),
            error: error.to_string(),
        })?;
        let found = TimeZone::get(zone).map_err(|_| ScheduleError::Zone {
            zone: zone.to_owned(),
        })?;
        let now = Timestamp::now().to_zoned(found.clone());
        match parsed.find_next_occurrence(&now, false) {
            Err(CronError::TimeSearchLimitExceeded) => Err(ScheduleError::Never {
                pattern: pattern.to_owned(),
            }),
            _ => Ok(Self {
                pattern: parsed,
                zone: found,
            }),
        }
    }

    fn zoned(&self, time: SystemTime) -> Option<Zoned> {
        let time = Timestamp::try_from(time).ok()?;
        Some(time.to_zoned(self.zone.clone()))
    }

    /// The first time after that one.
    pub(super) fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let next = self.pattern.find_next_occurrence(&self.zoned(time)?, false);
        Some(next.ok()?.timestamp().into())
    }

    /// The last times after `from`, up to `now`, in order.
    pub(super) fn last_until(
        &self,
        now: SystemTime,
        most: usize,
        from: SystemTime,
    ) -> VecDeque<SystemTime> {
        let mut last = VecDeque::new();
        let mut next = self.zoned(now);
        let mut is_inclusive = true;
        while let Some(time) = next.take().filter(|_| last.len() < most) {
            let before = self.pattern.find_previous_occurrence(&time, is_inclusive);
            is_inclusive = false;
            let Ok(before) = before else { break };
            let at = SystemTime::from(before.timestamp());
            if at <= from {
                break;
            }
            last.push_front(at);
            next = Some(before);
        }
        last
    }
}
