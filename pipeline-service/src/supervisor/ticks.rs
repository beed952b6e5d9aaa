//! Where a schedule is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use crate::schedule::{Schedule, Tick, Timetable};

/// Where a schedule is.
pub(super) struct Ticking {
    pub(super) schedule: Schedule,
    /// What was due until then is done, or will not be.
    last: SystemTime,
    /// What is due.
    pub(super) due: VecDeque<Tick>,
    /// The one that a run is for, and how often one has failed.
    pub(super) tick: Option<(Arc<Tick>, u32)>,
}

impl Ticking {
    pub(super) fn new(schedule: Schedule, now: SystemTime) -> Self {
        Self {
            last: schedule.begins(now),
            schedule,
            due: VecDeque::new(),
            tick: None,
        }
    }

    /// The one that a run is for.
    pub(super) fn tick(&self) -> Option<Arc<Tick>> {
        self.tick.as_ref().map(|(tick, _)| Arc::clone(tick))
    }

    pub(super) fn next(&self) -> Option<SystemTime> {
        self.schedule.timetable.next_after(self.last)
    }

    /// What is due by now; how many are skipped.
    pub(super) fn look(&mut self, process: &str, now: SystemTime) -> u64 {
        let due = self.schedule.due(self.last, now);
        self.last = due.latest.unwrap_or(self.last);
        let ticks = due.times.into_iter();
        self.due
            .extend(ticks.map(|(at, missed)| Tick::new(process, at, missed)));
        due.skipped
    }

    /// A run is over: what came meanwhile is skipped. How many those are.
    pub(super) fn is_over(&mut self, now: SystemTime) -> u64 {
        self.tick = None;
        let passed = self.schedule.timetable.passed(self.last, now, 1);
        self.last = match self.schedule.timetable {
            // It counts from here.
            Timetable::Continuous(_) => now,
            _ => passed.last.back().copied().unwrap_or(self.last),
        };
        match self.schedule.timetable {
            Timetable::Continuous(_) => 0,
            _ => passed.count,
        }
    }
}
