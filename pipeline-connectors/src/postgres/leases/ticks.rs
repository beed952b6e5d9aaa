//! Which ticks of schedules are done, in a PostgreSQL database.

use std::time::{Duration, SystemTime};

use pipeline_runtime::Name;
use pipeline_service::lease::LeaseError;
use pipeline_service::{Claimed, Known, ScheduleInfo, Schedules};
use tokio_postgres::types::Type;

use super::asked::{Asked, SHORTLY, in_time, micros, number};
use crate::postgres::error::ConnectError;
use crate::postgres::handle::Postgres;

impl Postgres {
    /// The schedules of the database, to be opened.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    /// use pipeline_service::Schedule;
    /// use std::time::Duration;
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let schedules = db.schedules().open().await?;
    /// let hourly = Schedule::every(Duration::from_secs(3600)).once_everywhere(schedules);
    /// # let _ = hourly;
    /// # Ok(())
    /// # }
    /// ```
    pub fn schedules(&self) -> PostgresSchedulesBuilder {
        PostgresSchedulesBuilder(self.clone())
    }
}

/// Describes a place of schedules; [`Postgres::schedules`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresSchedulesBuilder(Postgres);

impl PostgresSchedulesBuilder {
    /// Opens it, and makes the tables first if there are none. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the user may not make the tables, or use those that are there; if the
    /// tables are of another major version.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresSchedules, ConnectError> {
        Asked::open(self.0).await.map(PostgresSchedules)
    }
}

/// Which ticks are done, in a PostgreSQL database, for any number of programs on any number of machines. Clones are the same.
/// Whose time is over is known as in [`PostgresLeases`](super::PostgresLeases), and asked on the same connection.
#[derive(Debug, Clone)]
pub struct PostgresSchedules(Asked);

impl PostgresSchedules {
    /// All schedules, by name.
    ///
    /// # Errors
    ///
    /// The server is away.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn list(&self) -> Result<Vec<ScheduleInfo>, LeaseError> {
        let asked = &self.0;
        let rows = asked.ask(SHORTLY, "schedules", &[]).await?;
        let infos = rows.iter().map(|row| {
            let name: String = asked.get(row, 0)?;
            let mut info = ScheduleInfo::new(name, read(asked.get(row, 1)?));
            info.open = asked.get::<Option<_>>(row, 2)?.map(read);
            info.attempts = asked.get::<i32>(row, 3)?.unsigned_abs();
            let left: Option<i64> = asked.get(row, 5)?;
            info.left = left.map(|left| Duration::from_micros(left.unsigned_abs()));
            info.holder = left.map(|_| asked.get(row, 4)).transpose()?;
            Ok(info)
        });
        infos.collect()
    }
}

/// Nanoseconds since 1970: a tick is the same only to the last of them.
fn written(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}

fn read(nanos: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}

impl Schedules for PostgresSchedules {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    async fn look(&self, schedule: &str, now: SystemTime) -> Result<Known, LeaseError> {
        let (asked, at) = (&self.0, written(now));
        let values = [(&schedule as _, Type::TEXT), (&at as _, Type::INT8)];
        let rows = asked.ask(SHORTLY, "tick_look", &values).await?;
        let Some(row) = rows.first() else {
            // Between its two statements somebody has removed it.
            return Err(LeaseError::new(format!("`{schedule}` is gone again")));
        };
        Ok(Known {
            last: read(asked.get(row, 0)?),
            open: asked.get::<Option<_>>(row, 1)?.map(read),
            is_held: asked.get(row, 2)?,
        })
    }

    async fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> Result<Option<Claimed>, LeaseError> {
        let (asked, at, time) = (&self.0, written(at), micros(ttl));
        let values = [
            (&schedule as _, Type::TEXT),
            (&holder as _, Type::TEXT),
            (&at as _, Type::INT8),
            (&time as _, Type::INT8),
        ];
        let rows = asked.ask(in_time(ttl), "tick_claim", &values).await?;
        let claimed = rows.first().map(|row| {
            Ok(Claimed {
                at: read(asked.get(row, 0)?),
                token: asked.get::<i64>(row, 1)?.unsigned_abs(),
                attempts: asked.get::<i32>(row, 2)?.unsigned_abs(),
            })
        });
        claimed.transpose()
    }

    async fn renew(&self, schedule: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let (token, time) = (number(token), micros(ttl));
        let values = [
            (&schedule as _, Type::TEXT),
            (&token as _, Type::INT8),
            (&time as _, Type::INT8),
        ];
        let rows = self.0.ask(in_time(ttl), "tick_renew", &values).await?;
        Ok(self.0.first(&rows)?.unwrap_or_default())
    }

    async fn done(
        &self,
        schedule: &str,
        token: u64,
        until: SystemTime,
    ) -> Result<bool, LeaseError> {
        let (token, until) = (number(token), written(until));
        let values = [
            (&schedule as _, Type::TEXT),
            (&token as _, Type::INT8),
            (&until as _, Type::INT8),
        ];
        let rows = self.0.ask(SHORTLY, "tick_done", &values).await?;
        Ok(self.0.first(&rows)?.unwrap_or_default())
    }

    async fn release(&self, schedule: &str, token: u64) -> Result<(), LeaseError> {
        let token = number(token);
        let values = [(&schedule as _, Type::TEXT), (&token as _, Type::INT8)];
        self.0.ask(SHORTLY, "tick_release", &values).await.map(drop)
    }
}
