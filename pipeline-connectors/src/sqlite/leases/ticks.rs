//! Which ticks of schedules are done, in a SQLite file.

use std::time::{Duration, SystemTime};

use pipeline_runtime::Name;
use pipeline_service::lease::LeaseError;
use pipeline_service::{Claimed, Known, ScheduleInfo, Schedules};
use rusqlite::{OptionalExtension as _, params};

use super::file::{File, described};
use super::now::{boot, millis, now};
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder};

impl Sqlite {
    /// The schedules of the file, to be opened.
    pub fn schedules(&self) -> SqliteSchedulesBuilder {
        SqliteSchedulesBuilder(described(self))
    }
}

/// Describes a place of schedules; [`Sqlite::schedules`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteSchedulesBuilder(SqliteBuilder);

impl SqliteSchedulesBuilder {
    /// Opens it, and makes it first if there is none.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if the file holds schedules of another version.
    pub fn open(self) -> Result<SqliteSchedules, OpenError> {
        File::open(self.0).map(SqliteSchedules)
    }
}

/// Which ticks are done, in a SQLite file, for any number of programs on one machine. Clones are the same. Whose time is over is
/// known as in [`SqliteLeases`](super::SqliteLeases).
#[derive(Debug, Clone)]
pub struct SqliteSchedules(File);

impl SqliteSchedules {
    /// All schedules, by name.
    ///
    /// # Errors
    ///
    /// The file is away, or cannot be read.
    pub async fn list(&self) -> Result<Vec<ScheduleInfo>, LeaseError> {
        let list = "
            SELECT schedule, last, tick, attempts, holder,
                CASE WHEN tick IS NOT NULL AND boot = ?2 AND until > ?1 THEN until - ?1 END
            FROM brigade_tick ORDER BY schedule";
        self.0
            .write(move |transaction| {
                let mut list = transaction.prepare(list)?;
                let rows = list.query_map(params![now(), boot()], |row| {
                    let left: Option<u64> = row.get(5)?;
                    let mut info = ScheduleInfo::new(row.get::<_, String>(0)?, read(row.get(1)?));
                    info.open = row.get::<_, Option<i64>>(2)?.map(read);
                    info.attempts = row.get(3)?;
                    info.left = left.map(Duration::from_millis);
                    info.holder = left.map(|_| row.get(4)).transpose()?;
                    Ok(info)
                })?;
                rows.collect()
            })
            .await
    }
}

/// Nanoseconds since 1970.
fn written(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}

fn read(nanos: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}

impl Schedules for SqliteSchedules {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    async fn look(&self, schedule: &str, at: SystemTime) -> Result<Known, LeaseError> {
        let schedule = schedule.to_owned();
        let register = "
            INSERT INTO brigade_tick (schedule, last, token, holder, attempts, boot) VALUES (?1, ?2, 0, '', 0, '')
            ON CONFLICT DO NOTHING";
        let look = "
            SELECT last, tick, tick IS NOT NULL AND until IS NOT NULL AND until > ?2 AND boot = ?3
            FROM brigade_tick WHERE schedule = ?1";
        self.0
            .write(move |transaction| {
                transaction.execute(register, params![schedule, written(at)])?;
                transaction.query_row(look, params![schedule, now(), boot()], |row| {
                    Ok(Known {
                        last: read(row.get(0)?),
                        open: row.get::<_, Option<i64>>(1)?.map(read),
                        is_held: row.get(2)?,
                    })
                })
            })
            .await
    }

    async fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> Result<Option<Claimed>, LeaseError> {
        let (schedule, holder) = (schedule.to_owned(), holder.to_owned());
        let claim = "
            UPDATE brigade_tick
            SET attempts = CASE WHEN tick IS NULL THEN 1 ELSE attempts + 1 END,
                tick = coalesce(tick, ?2), token = token + 1, until = ?3, boot = ?4, holder = ?6
            WHERE schedule = ?1 AND CASE WHEN tick IS NULL THEN last < ?2
                ELSE until IS NULL OR until <= ?5 OR boot != ?4 END
            RETURNING tick, token, attempts";
        self.0
            .write(move |transaction| {
                let now = now();
                let until = now.saturating_add(millis(ttl));
                let values = params![schedule, written(at), until, boot(), now, holder];
                let claimed = transaction.query_row(claim, values, |row| {
                    Ok(Claimed {
                        at: read(row.get(0)?),
                        token: row.get(1)?,
                        attempts: row.get(2)?,
                    })
                });
                claimed.optional()
            })
            .await
    }

    async fn renew(&self, schedule: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let schedule = schedule.to_owned();
        let renew = "
            UPDATE brigade_tick SET until = ?3, boot = ?4
            WHERE schedule = ?1 AND token = ?2 AND tick IS NOT NULL AND until IS NOT NULL";
        self.0
            .write(move |transaction| {
                let until = now().saturating_add(millis(ttl));
                let values = params![schedule, token, until, boot()];
                Ok(transaction.execute(renew, values)? > 0)
            })
            .await
    }

    async fn done(
        &self,
        schedule: &str,
        token: u64,
        until: SystemTime,
    ) -> Result<bool, LeaseError> {
        let schedule = schedule.to_owned();
        let done = "
            UPDATE brigade_tick
            SET last = max(tick, ?3), tick = NULL, until = NULL, attempts = 0
            WHERE schedule = ?1 AND token = ?2 AND tick IS NOT NULL";
        self.0
            .write(move |transaction| {
                let values = params![schedule, token, written(until)];
                Ok(transaction.execute(done, values)? > 0)
            })
            .await
    }

    async fn release(&self, schedule: &str, token: u64) -> Result<(), LeaseError> {
        let schedule = schedule.to_owned();
        let release = "UPDATE brigade_tick SET until = NULL WHERE schedule = ?1 AND token = ?2";
        self.0
            .write(move |transaction| {
                transaction.execute(release, params![schedule, token])?;
                Ok(())
            })
            .await
    }
}
