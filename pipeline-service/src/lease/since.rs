//! How long something is ago, also where the machine was suspended meanwhile.

use std::time::Duration;

use tokio::time::Instant;

/// An instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    at: Instant,
    booted: Duration,
}

impl Since {
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            booted: booted(),
        }
    }

    /// Tokio's time stands still in a suspended machine; that since it was started goes on, and is real where tokio's is
    /// virtual.
    pub(crate) fn elapsed(&self) -> Duration {
        let since_boot = booted().saturating_sub(self.booted);
        self.at.elapsed().max(since_boot)
    }
}

/// How long ago the machine was started.
#[cfg(target_os = "linux")]
fn booted() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

#[cfg(not(target_os = "linux"))]
fn booted() -> Duration {
    Duration::ZERO
}
