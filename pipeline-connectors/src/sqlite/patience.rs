//! Waits for a lock that somebody else has, until a time-out has really passed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::Cause;

/// Several processes take turns, each for the length of an `fsync`. SQLite's own way of waiting backs off to 100 ms, in
/// which others have dozens of turns.
const PAUSE: Duration = Duration::from_millis(1);

/// One wait, by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
}

impl Patience {
    /// The wait begins now.
    pub(super) fn new(limit: Duration) -> Self {
        let since = Instant::now();
        Self { limit, since }
    }

    pub(super) fn waited(self) -> Duration {
        self.since.elapsed()
    }

    /// Waits a moment. Returns false if the time is over.
    pub(super) fn pause(self) -> bool {
        let left = self.limit.saturating_sub(self.waited());
        if left.is_zero() {
            return false;
        }
        sleep(PAUSE.min(left));
        true
    }

    /// Tries again for as long as a lock is in the way. SQLite does not wait for every lock: while the journal mode
    /// changes or a log is recovered it says at once that the file is locked.
    pub(super) fn retry<T, E: Cause>(self, mut work: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        loop {
            match work() {
                Err(error) if is_locked(&error) && self.pause() => {}
                done => return done,
            }
        }
    }
}

/// Lets the statements of a connection wait for a lock for that long, each anew. `held` lives as long as the connection.
pub(super) fn wait_for_locks(
    connection: &mut Connection,
    limit: Duration,
    held: impl Send + 'static,
) -> rusqlite::Result<()> {
    let mut patience = Patience::new(limit);
    connection.busy_handler(Some(move |tries| {
        let _held = &held;
        if tries == 0 {
            patience = Patience::new(limit);
        }
        patience.pause()
    }))
}

/// Whether somebody else has a lock that is in the way.
fn is_locked(error: &impl Cause) -> bool {
    let code = error.cause().and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}
