//! What time it is for schedules and for what a status says.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

/// For how long the system's clock is believed.
const STEP: Duration = Duration::from_secs(30);

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
    Set(Arc<watch::Sender<Said>>),
}

/// What a clock said at an instant.
#[derive(Debug, Clone, Copy)]
struct Said(SystemTime, Instant);

impl Clock {
    /// That of the system.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Kind::System => SystemTime::now(),
            Kind::Set(said) => {
                let Said(then, at) = *said.borrow();
                then + at.elapsed()
            }
        }
    }

    /// Sets a clock that was made from a time, as if the machine had been suspended, or somebody had set its clock. That of the
    /// system is left as it is.
    pub fn set(&self, now: SystemTime) {
        if let Kind::Set(said) = &self.0 {
            said.send_replace(Said(now, Instant::now()));
        }
    }

    /// Waits until it says that time. That of the system is looked at every 30 s: it may be set.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until(&self, time: SystemTime) {
        while let Ok(left) = time.duration_since(self.now())
            && !left.is_zero()
        {
            match &self.0 {
                Kind::System => tokio::time::sleep(left.min(STEP)).await,
                Kind::Set(said) => {
                    let mut said = said.subscribe();
                    // It ends when the clock is set, or the time has come.
                    let _ = tokio::time::timeout(left, said.changed()).await;
                }
            }
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
        let said = watch::Sender::new(Said(then, Instant::now()));
        Self(Kind::Set(Arc::new(said)))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}
