//! Where several instances of a program keep which ticks are done.

use std::future::Future;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use pipeline_runtime::Name;

use crate::lease::LeaseError;

/// What is known of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// All that was due until then is done. Of a schedule that is new this is when it was registered.
    pub last: SystemTime,
    /// The tick that somebody has begun and not done.
    pub open: Option<SystemTime>,
    /// Whether that one is still at work, as far as his time goes.
    pub is_held: bool,
}

/// What is known of a schedule, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduleInfo {
    /// The schedule.
    pub name: String,
    /// All that was due until then is done. Of a schedule that is new this is when it was registered.
    pub last: SystemTime,
    /// The tick that somebody has begun and not done.
    pub open: Option<SystemTime>,
    /// Who is at work on it, as far as his time goes, in his words.
    pub holder: Option<String>,
    /// How often that tick was begun.
    pub attempts: u32,
    /// For how long he has it still, if he does not extend it.
    pub left: Option<Duration>,
}

impl ScheduleInfo {
    /// One that was registered then, of which nothing was begun.
    #[must_use]
    pub fn new(name: impl Into<String>, last: SystemTime) -> Self {
        Self {
            name: name.into(),
            last,
            open: None,
            holder: None,
            attempts: 0,
            left: None,
        }
    }
}

/// A tick that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The tick: the open one, if there is one, whatever was asked for.
    pub at: SystemTime,
    /// Greater than all before, of this schedule.
    pub token: u64,
    /// How often it was granted, this time included.
    pub attempts: u32,
}

/// Where several instances of a program keep which ticks are done: each tick is granted to one of them at a time, and again
/// only if that one is gone before it is done, whatever the schedule says by then.
pub trait Schedules: Send + Sync + 'static {
    /// The name in messages.
    fn name(&self) -> Name;

    /// What is known of a schedule; one that is new is registered as of `now`.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn look(
        &self,
        schedule: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Known, LeaseError>> + Send;

    /// Grants a tick for `ttl`: the open one, if nobody is at work on it, else that of `at`, if it is not done. `None` where
    /// somebody else has it. `holder` says to people who asks.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<Claimed>, LeaseError>> + Send;

    /// Extends what was granted to `ttl` from now on; false if it was granted to somebody else meanwhile, or released.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn renew(
        &self,
        schedule: &str,
        token: u64,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, LeaseError>> + Send;

    /// The tick is done, and so is all that was due until then; false if it was granted to somebody else meanwhile.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn done(
        &self,
        schedule: &str,
        token: u64,
        until: SystemTime,
    ) -> impl Future<Output = Result<bool, LeaseError>> + Send;

    /// Somebody else may have the tick, which is not done; that it was begun counts all the same.
    ///
    /// # Errors
    ///
    /// The place is away; then it ends by itself.
    fn release(
        &self,
        schedule: &str,
        token: u64,
    ) -> impl Future<Output = Result<(), LeaseError>> + Send;
}

/// The same, whatever the type.
pub(crate) trait AnySchedules: Send + Sync {
    fn name(&self) -> Name;

    fn look<'a>(
        &'a self,
        schedule: &'a str,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Known, LeaseError>>;

    fn claim<'a>(
        &'a self,
        schedule: &'a str,
        holder: &'a str,
        at: SystemTime,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Claimed>, LeaseError>>;

    fn renew<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, LeaseError>>;

    fn done<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<bool, LeaseError>>;

    fn release<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>>;
}

impl<S: Schedules> AnySchedules for S {
    fn name(&self) -> Name {
        Schedules::name(self)
    }

    fn look<'a>(
        &'a self,
        schedule: &'a str,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Known, LeaseError>> {
        Box::pin(Schedules::look(self, schedule, now))
    }

    fn claim<'a>(
        &'a self,
        schedule: &'a str,
        holder: &'a str,
        at: SystemTime,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Claimed>, LeaseError>> {
        Box::pin(Schedules::claim(self, schedule, holder, at, ttl))
    }

    fn renew<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, LeaseError>> {
        Box::pin(Schedules::renew(self, schedule, token, ttl))
    }

    fn done<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<bool, LeaseError>> {
        Box::pin(Schedules::done(self, schedule, token, until))
    }

    fn release<'a>(
        &'a self,
        schedule: &'a str,
        token: u64,
    ) -> BoxFuture<'a, Result<(), LeaseError>> {
        Box::pin(Schedules::release(self, schedule, token))
    }
}
