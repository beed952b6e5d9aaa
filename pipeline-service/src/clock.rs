//! What time it is for schedules and for what a status says.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The clock that a service goes by. The default is that of the system.
///
/// Waits, back-off and deadlines are those of tokio, whatever this is.
///
/// # Examples
///
/// A clock for tests, which goes with tokio's paused time:
///
/// ```
/// use pipeline_service::Clock;
/// use std::time::{Duration, SystemTime};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let clock = Clock::from(at);
/// tokio::time::sleep(Duration::from_secs(3600)).await;
/// assert_eq!(clock.now(), at + Duration::from_secs(3600));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    /// It was that time then.
    From(SystemTime, Instant),
}

impl Clock {
    /// That of the system.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match self.0 {
            Kind::System => SystemTime::now(),
            Kind::From(then, at) => then + at.elapsed(),
        }
    }

    /// What it will say then, if nobody sets it.
    pub(crate) fn after(&self, delay: Duration) -> SystemTime {
        self.now() + delay
    }
}

impl From<SystemTime> for Clock {
    /// Says `then` now, and goes with tokio's time.
    fn from(then: SystemTime) -> Self {
        Self(Kind::From(then, Instant::now()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}
