//! How old something is, as the tables tell it.

use std::fs::read_to_string;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, by the machine's clock, which may jump.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    millis(since.unwrap_or_default())
}

pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// For how long the machine has been up, in milliseconds: that goes on while it sleeps, and no clock that is set changes
/// it. All of its processes see the same, for as long as it is up this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uptime {
    /// Which time that is.
    pub(super) boot: String,
    pub(super) millis: i64,
}

impl Uptime {
    /// `None` where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        let boot = read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let up = read_to_string("/proc/uptime").ok()?;
        let seconds = up.split(' ').next()?.parse().ok()?;
        Some(Self {
            boot: boot.trim().to_owned(),
            millis: millis(Duration::try_from_secs_f64(seconds).ok()?),
        })
    }
}
