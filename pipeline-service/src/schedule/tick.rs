//! One time at which a schedule fires.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Serialize;

/// One time at which the schedule of a process fires: what its run is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tick {
    /// The name of the process and the time, as `nightly@2026-11-29T17:00:00Z`: the same for every run that is for this
    /// tick, so it is the id of a task whose stages are `once`.
    pub id: String,
    /// When it was due.
    pub at: SystemTime,
    /// How many ticks before it were missed, which it stands for.
    pub missed: u64,
    /// Why it fires.
    pub cause: TickCause,
    /// What was given with it, where somebody triggered it, or an event did.
    pub payload: Option<String>,
}

/// Why a tick fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum TickCause {
    /// It is time.
    Time,
    /// Somebody has asked for it: [`Control::trigger`](crate::Control::trigger).
    Triggered,
    /// Something was heard: [`Schedule::on`](crate::Schedule::on).
    Event,
}

impl Tick {
    pub(crate) fn new(process: &str, at: SystemTime, missed: u64) -> Self {
        Self {
            id: format!("{process}@{}", written(at)),
            at,
            missed,
            cause: TickCause::Time,
            payload: None,
        }
    }

    pub(crate) fn fired(
        process: &str,
        at: SystemTime,
        missed: u64,
        payload: Option<String>,
    ) -> Self {
        Self {
            cause: TickCause::Event,
            payload,
            ..Self::new(process, at, missed)
        }
    }

    pub(crate) fn triggered(process: &str, at: SystemTime, payload: Option<String>) -> Self {
        Self {
            cause: TickCause::Triggered,
            payload,
            ..Self::new(process, at, 0)
        }
    }
}

/// A time in UTC, to the second where it is a whole one.
fn written(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    let (year, month, day) = date(since.as_secs() / 86_400);
    let time = since.as_secs() % 86_400;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if since.subsec_nanos() > 0 {
        let fraction = format!("{:09}", since.subsec_nanos());
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text + "Z"
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar, whose years are counted from March here: so the
/// day that comes and goes is the last.
fn date(days: u64) -> (u64, u64, u64) {
    // 0000-03-01 is so many days before.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_tick_is_its_process_and_its_time() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_971_600, "2026-11-29T17:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Tick::new("nightly", at, 0).id, format!("nightly@{written}"));
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(Tick::new("a", at, 0).id, "a@1970-01-01T00:00:01.5Z");
    }
}
