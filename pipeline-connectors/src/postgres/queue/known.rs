//! What is known of an open queue.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipeline_runtime::Name;
use pipeline_runtime::queue::{Profile, QueueError};

use crate::postgres::error::Failed;
use crate::postgres::handle::Postgres;
use crate::postgres::watch::Bell;

/// The longest name of anything, in bytes: it has to fit into an index.
pub(super) const LONGEST_NAME: usize = 1024;

/// What tells a queue from others.
pub(super) fn place(home: &str, queue: &str) -> String {
    format!("postgres:{home}/{queue}")
}

/// The name of the queue at this place, if it lies in these tables.
pub(in crate::postgres) fn beside<'p>(place: &'p str, home: &str) -> Option<&'p str> {
    let place = place.strip_prefix("postgres:")?;
    place.strip_prefix(home)?.strip_prefix('/')
}

/// What all requests of a queue need.
pub(super) struct Known<B> {
    pub(super) db: Postgres,
    /// Its number.
    pub(super) queue: i32,
    pub(super) name: Name,
    /// What tells the tables from others: what the ids of messages without a name begin with.
    pub(super) home: String,
    /// What tells this queue from others.
    pub(super) place: Arc<str>,
    pub(super) profile: Profile,
    pub(super) bell: Arc<Bell>,
    /// When it was last looked for leases that have ended.
    pub(super) swept: Mutex<Option<Instant>>,
    pub(super) bodies: PhantomData<fn() -> B>,
}

impl<B> Known<B> {
    /// With where it happened.
    pub(super) fn error(&self, failed: Failed) -> QueueError {
        failed.into_queue(self.db.place())
    }
}

/// Rounded up, so that nothing comes too soon; a century at most, so that it can be added to the time.
pub(super) fn millis(time: Duration) -> i64 {
    const CENTURY: i64 = 3_155_760_000_000;
    i64::try_from(time.as_nanos().div_ceil(1_000_000))
        .unwrap_or(CENTURY)
        .min(CENTURY)
}
