//! What is kept, and for how long.
//!
//! Ages are told by the server's clock, which may jump. So nothing goes before it was too old at two looks of one program
//! that are really [`APART`], by the clock that the program's machine counts since it was started: what is under way then has
//! begun again by the second, or is worked on by nobody.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_postgres::types::Type;

use crate::postgres::error::Failed;
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;

/// How far apart two looks are.
const APART: Duration = Duration::from_secs(10 * 60);
/// How many are forgotten at once, so that nobody waits for long; as in `journal.sql`.
const AT_ONCE: i64 = 2_000;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) unfinished: Duration,
    pub(super) done: Duration,
    /// The most tasks that are remembered as done.
    pub(super) tasks: usize,
}

impl Retention {
    /// Whether a task is remembered at all when it is done.
    pub(super) fn remembers(self) -> bool {
        !self.done.is_zero() && self.tasks > 0
    }
}

/// When this program has looked last.
#[derive(Debug, Default)]
pub(super) struct Pruning(Mutex<Look>);

#[derive(Debug, Default)]
struct Look {
    /// Not before then again.
    next: Option<Instant>,
    /// What the server's clock said.
    server: Option<SystemTime>,
}

impl Pruning {
    /// Whether it is time to look. Who is told so has to.
    pub(super) fn is_due(&self) -> bool {
        let mut look = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = look.next.is_none_or(|next| next <= now);
        if due {
            look.next = Some(now + APART);
        }
        due
    }

    /// Forgets what was too old at the last look already.
    pub(super) async fn prune(&self, db: &Postgres, retention: Retention) -> Result<(), Failed> {
        let line = db.transacting();
        let rows = line
            .query_alone("SELECT statement_timestamp()", &[])
            .await?;
        let now = rows.first().map(|row| row.try_get::<_, SystemTime>(0));
        let now = now.transpose().map_err(|error| Failed::from(&error))?;
        let last = {
            let mut look = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut look.server, now)
        };
        // A clock that goes back clears what an earlier look has seen.
        let Some(last) = last.filter(|last| now.is_some_and(|now| now >= *last)) else {
            return Ok(());
        };
        let before = |age| last.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let (unfinished, done) = (before(retention.unfinished), before(retention.done));
        let most = i64::try_from(retention.tasks).unwrap_or(i64::MAX);
        let values: [Value<'_>; 3] = [
            (&unfinished, Type::TIMESTAMPTZ),
            (&done, Type::TIMESTAMPTZ),
            (&most, Type::INT8),
        ];
        let sql = format!("SELECT {}.forget_old($1, $2, $3)", db.schema());
        loop {
            let rows = line.query_alone(&sql, &values).await?;
            let dropped = rows.first().map(|row| row.try_get::<_, i64>(0));
            let dropped = dropped.transpose().map_err(|error| Failed::from(&error))?;
            if dropped.unwrap_or_default() < AT_ONCE {
                return Ok(());
            }
        }
    }
}
