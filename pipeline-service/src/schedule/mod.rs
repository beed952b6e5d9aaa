//! When a process runs that is not to run all the time.

mod claim;
#[cfg(feature = "cron")]
mod cron;
mod error;
mod memory;
mod occasions;
mod store;
mod tick;
mod timetable;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::stream::BoxStream;

use crate::broadcast::Broadcast;

pub(crate) use self::claim::{Claim, TTL};
pub use self::error::ScheduleError;
pub use self::memory::MemorySchedules;
pub use self::occasions::Fires;
pub(crate) use self::occasions::{Occasion, Occasions};
pub(crate) use self::store::AnySchedules;
pub use self::store::{Claimed, Known, ScheduleInfo, Schedules};
pub use self::tick::{Tick, TickCause};
pub(crate) use self::timetable::Timetable;

/// How late a tick may be and still be on time.
const ON_TIME: Duration = Duration::from_secs(60);

/// When a process runs that is not to run all the time; [`Process::on`](crate::Process::on) takes it.
///
/// At each *tick* its factory is called, which sees the [`Tick`] in its context. A run that fails is tried again for the same
/// tick, as the process is made again; after five times the tick is given up and noted. While a run is under way no other
/// begins: ticks that come meanwhile are skipped, and counted.
///
/// A tick is *missed* where the process could not run: the clock was set, or the machine was suspended.
///
/// # Examples
///
/// ```
/// use pipeline_service::{Missed, Schedule};
/// use std::time::Duration;
///
/// let hourly = Schedule::every(Duration::from_secs(3600)).missed(Missed::Skip);
/// # let _ = hourly;
/// ```
#[derive(Clone)]
#[must_use = "it is given to a process"]
pub struct Schedule {
    pub(crate) timetable: Timetable,
    missed: Missed,
    pub(crate) store: Option<Arc<dyn AnySchedules>>,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("timetable", &self.timetable)
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}

/// What becomes of ticks that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// Nothing; a tick that is up to a minute late is none of them.
    Skip,
    /// One run stands for all of them, and says how many there were. This is the default.
    #[default]
    Once,
    /// The last so many (at least one) come one after the other.
    Each(u32),
}

impl Schedule {
    fn new(timetable: Timetable) -> Self {
        Self {
            timetable,
            missed: Missed::default(),
            store: None,
        }
    }

    /// At the times of a pattern of cron, in a time zone as `Europe/Berlin`: minute, hour, day of the month, month and weekday,
    /// with seconds in front where there are six fields.
    ///
    /// Where clocks are set forward, a time in the gap is due at its end; where they are set back, a time that comes twice is
    /// due once. Patterns that are no one time of the day (`*/10 * * * *`) are due in both.
    ///
    /// The time zones are those of the system; where it has none, those that this program was built with.
    ///
    /// # Errors
    ///
    /// The pattern is none, or never fires from now on, or there is no such time zone.
    ///
    /// # Examples
    ///
    /// ```
    /// use pipeline_service::{Schedule, ScheduleError};
    ///
    /// let nightly = Schedule::cron("0 18 * * MON-FRI", "Europe/Berlin")?;
    /// let never = Schedule::cron("0 0 30 2 *", "UTC");
    /// assert!(matches!(never, Err(ScheduleError::Never { .. })));
    /// # let _ = nightly;
    /// # Ok::<(), ScheduleError>(())
    /// ```
    #[cfg(feature = "cron")]
    pub fn cron(pattern: &str, zone: &str) -> Result<Self, ScheduleError> {
        let cron = cron::Cron::new(pattern, zone)?;
        Ok(Self::new(Timetable::Cron(Box::new(cron))))
    }

    /// Every so long: at the multiples of it since 1970-01-01, whenever the program was started. 0 is an error at the start of
    /// the service.
    pub fn every(period: Duration) -> Self {
        Self::new(Timetable::Every(period))
    }

    /// At once, and again so long after the end of each run.
    pub fn continuous(pause: Duration) -> Self {
        Self::new(Timetable::Continuous(pause))
    }

    /// Only when somebody [triggers](crate::Control::trigger) it.
    pub fn manual() -> Self {
        Self::new(Timetable::Manual)
    }

    /// When an event is heard for which `fires` says so: `true`, or `Some` payload for the [`Tick`]. It listens from the start of
    /// the service on. Where it has missed events it fires as well, since one of them may have been meant.
    ///
    /// What comes while a run is under way is missed: the default is that one more run stands for all of it, with the payload of
    /// the last. With [`Missed::Skip`] it is skipped and counted. An event is no tick that several instances share: each that
    /// hears it runs, unless its process is [led](crate::Process::led_by). One that is led listens on standby, too, so that
    /// nothing of the gap between two leaders is lost: what it has heard since the start of its service is missed when it is
    /// granted the lead, also where another has run for it. With the default that is one run more at each fail-over, and none
    /// with [`Missed::Skip`].
    ///
    /// # Examples
    ///
    /// ```
    /// use pipeline_service::{Broadcast, Schedule};
    ///
    /// #[derive(Clone)]
    /// enum Event { Stored(u64), Closed(String) }
    ///
    /// let events = Broadcast::new(1_024);
    /// let at_closing = Schedule::on(&events, |event| matches!(event, Event::Closed(_)));
    /// // The tick has the name as its payload.
    /// let with_name = Schedule::on(&events, |event| match event {
    ///     Event::Closed(name) => Some(name.clone()),
    ///     Event::Stored(_) => None,
    /// });
    /// # let _ = (at_closing, with_name);
    /// ```
    pub fn on<E, F, R>(broadcast: &Broadcast<E>, fires: F) -> Self
    where
        E: Clone + Send + 'static,
        F: Fn(&E) -> R + Send + Sync + 'static,
        R: Fires,
    {
        Self::new(Timetable::On(Occasions::new(broadcast, fires)))
    }

    /// What becomes of ticks that were missed. The default is [`Missed::Once`].
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Of several instances of a program, each tick is for one. It is known there what is done, so that a tick that was missed
    /// because no instance was there is made up for, and one that was cut off comes again, under its id, whatever the schedule
    /// says by then. A tick that was begun five times is given up.
    ///
    /// Who works on a tick extends it from 10 s on, and ends where that is not possible: within 30 s somebody else may begin
    /// with it. A run that was cut off without noticing may overlap with the next one of its tick; a tick is *done* once.
    ///
    /// A schedule is known by the name of its process. What is continuous or manual has no ticks to be shared: each instance
    /// runs it for itself.
    pub fn once_everywhere(mut self, schedules: impl Schedules) -> Self {
        self.store = Some(Arc::new(schedules));
        self
    }

    /// Whether it would fire all the time.
    pub(crate) fn has_no_period(&self) -> bool {
        matches!(self.timetable, Timetable::Every(Duration::ZERO))
    }

    /// Where its ticks are shared, if they are.
    pub(crate) fn shared(&self) -> Option<Arc<dyn AnySchedules>> {
        let has_ticks = !matches!(
            self.timetable,
            Timetable::Continuous(_) | Timetable::Manual | Timetable::On(_)
        );
        self.store.clone().filter(|_| has_ticks)
    }

    /// What fires it from now on, if that is what is heard.
    pub(crate) fn occasions(&self) -> Option<BoxStream<'static, Occasion>> {
        match &self.timetable {
            Timetable::On(occasions) => Some(occasions.listen()),
            _ => None,
        }
    }

    /// When the first tick is to be, where the process is there from `now` on: those before are not its.
    pub(crate) fn begins(&self, now: SystemTime) -> SystemTime {
        match &self.timetable {
            Timetable::Continuous(pause) => now.checked_sub(*pause).unwrap_or(now),
            _ => now,
        }
    }

    /// Of so many events that were heard while no tick was waited for: the first that is to run, for how many others each
    /// stands, and how many are skipped.
    pub(crate) fn of_waiting(&self, count: usize) -> (usize, u64, u64) {
        let most = match self.missed {
            Missed::Skip => 0,
            Missed::Once => 1,
            Missed::Each(most) => most.max(1) as usize,
        };
        let first = count.saturating_sub(most);
        match self.missed {
            Missed::Once => (first, first as u64, 0),
            Missed::Skip | Missed::Each(_) => (first, 0, first as u64),
        }
    }

    /// What is to run of that which was due after `last`: each time with how many it stands for, and how many are skipped.
    pub(crate) fn due(&self, last: SystemTime, now: SystemTime) -> Due {
        let most = match self.missed {
            Missed::Skip | Missed::Once => 1,
            Missed::Each(most) => most.max(1) as usize,
        };
        let passed = self.timetable.passed(last, now, most);
        let Some(latest) = passed.last.back().copied() else {
            return Due::default();
        };
        let others = passed.count - passed.last.len() as u64;
        let (mut times, mut skipped): (Vec<_>, _) =
            (passed.last.into_iter().map(|at| (at, 0)).collect(), others);
        match self.missed {
            Missed::Once => {
                times[0].1 = others;
                skipped = 0;
            }
            Missed::Skip => {
                let late = now.duration_since(latest).unwrap_or_default();
                if late > ON_TIME {
                    times.clear();
                    skipped += 1;
                }
            }
            Missed::Each(_) => {}
        }
        Due {
            times,
            skipped,
            latest: Some(latest),
        }
    }
}

/// What [`Process::on`](crate::Process::on) takes: a schedule, or what `Schedule::cron` has come to. It is sealed.
pub trait IsSchedule {
    #[doc(hidden)]
    fn schedule(self) -> Result<Schedule, ScheduleError>;
}

impl IsSchedule for Schedule {
    fn schedule(self) -> Result<Schedule, ScheduleError> {
        Ok(self)
    }
}

impl IsSchedule for Result<Schedule, ScheduleError> {
    fn schedule(self) -> Result<Schedule, ScheduleError> {
        self
    }
}

/// What is to run now.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Each with how many others it stands for.
    pub(crate) times: Vec<(SystemTime, u64)>,
    pub(crate) skipped: u64,
    /// The last that was due.
    pub(crate) latest: Option<SystemTime>,
}
