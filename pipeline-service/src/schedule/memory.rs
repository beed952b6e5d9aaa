//! Ticks in the memory of a program: for tests, and for several services in one program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use pipeline_runtime::Name;
use tokio::time::Instant;

use super::store::{Claimed, Known, ScheduleInfo, Schedules};
use crate::lease::LeaseError;

/// Which ticks are done, in the memory of a program: for tests, and for several services in one program. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct MemorySchedules(Arc<Mutex<HashMap<String, Row>>>);

#[derive(Debug)]
struct Row {
    last: SystemTime,
    open: Option<SystemTime>,
    token: u64,
    holder: String,
    until: Option<Instant>,
    attempts: u32,
}

impl Row {
    fn is_held(&self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }
}

impl MemorySchedules {
    /// None is done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All schedules, by name.
    #[must_use]
    pub fn list(&self) -> Vec<ScheduleInfo> {
        let rows = self.lock();
        let info = |(name, row): (&String, &Row)| {
            let now = Instant::now();
            let left = row.until.map(|until| until.saturating_duration_since(now));
            let left = left.filter(|left| row.open.is_some() && !left.is_zero());
            ScheduleInfo {
                open: row.open,
                holder: left.map(|_| row.holder.clone()),
                attempts: row.attempts,
                left,
                ..ScheduleInfo::new(name, row.last)
            }
        };
        let mut all: Vec<_> = rows.iter().map(info).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the row of a schedule, if it still has that token.
    fn of(&self, schedule: &str, token: u64, change: impl FnOnce(&mut Row)) -> bool {
        let mut rows = self.lock();
        let row = rows.get_mut(schedule);
        let row = row.filter(|row| row.token == token && row.open.is_some());
        let is_ours = row.is_some();
        if let Some(row) = row {
            change(row);
        }
        is_ours
    }
}

impl Schedules for MemorySchedules {
    fn name(&self) -> Name {
        "memory".into()
    }

    async fn look(&self, schedule: &str, now: SystemTime) -> Result<Known, LeaseError> {
        let mut rows = self.lock();
        let row = rows.entry(schedule.to_owned()).or_insert(Row {
            last: now,
            open: None,
            token: 0,
            holder: String::new(),
            until: None,
            attempts: 0,
        });
        Ok(Known {
            last: row.last,
            open: row.open,
            is_held: row.open.is_some() && row.is_held(),
        })
    }

    async fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> Result<Option<Claimed>, LeaseError> {
        let mut rows = self.lock();
        let Some(row) = rows.get_mut(schedule) else {
            return Ok(None);
        };
        match row.open {
            None if row.last >= at => return Ok(None),
            None => (row.open, row.attempts) = (Some(at), 0),
            Some(_) if row.is_held() => return Ok(None),
            Some(_) => {}
        }
        row.token += 1;
        row.attempts += 1;
        holder.clone_into(&mut row.holder);
        row.until = Some(Instant::now() + ttl);
        Ok(Some(Claimed {
            at: row.open.unwrap_or(at),
            token: row.token,
            attempts: row.attempts,
        }))
    }

    async fn renew(&self, schedule: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let until = Instant::now() + ttl;
        // What was released is not taken back.
        let mut is_held = false;
        self.of(schedule, token, |row| {
            is_held = row.until.is_some();
            row.until = row.until.map(|_| until);
        });
        Ok(is_held)
    }

    async fn done(
        &self,
        schedule: &str,
        token: u64,
        until: SystemTime,
    ) -> Result<bool, LeaseError> {
        Ok(self.of(schedule, token, |row| {
            row.last = row.open.map_or(until, |open| open.max(until));
            (row.open, row.until, row.attempts) = (None, None, 0);
        }))
    }

    async fn release(&self, schedule: &str, token: u64) -> Result<(), LeaseError> {
        self.of(schedule, token, |row| row.until = None);
        Ok(())
    }
}
