//! Where a schedule is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use futures::stream::BoxStream;

use crate::schedule::{Claim, Occasion, Schedule, Tick, Timetable};

/// Where a schedule is.
pub(super) struct Ticking {
    pub(super) schedule: Schedule,
    /// What was due until then is done, or will not be.
    pub(super) last: SystemTime,
    /// What is heard, where that fires it; taken out while it is listened to.
    pub(super) occasions: Option<BoxStream<'static, Occasion>>,
    /// What is due.
    pub(super) due: VecDeque<Tick>,
    /// The one that a run is for, and how often one has failed.
    pub(super) tick: Option<(Arc<Tick>, u32)>,
    /// That it has it, where several instances could, and since when.
    pub(super) claim: Option<(Claim, SystemTime)>,
    /// It is done, and so is all that was due until then.
    pub(super) done: Option<SystemTime>,
}

impl Ticking {
    pub(super) fn new(schedule: Schedule, now: SystemTime) -> Self {
        Self {
            last: schedule.begins(now),
            occasions: schedule.occasions(),
            schedule,
            due: VecDeque::new(),
            tick: None,
            claim: None,
            done: None,
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
        let tick = self.tick.take();
        if let Timetable::Continuous(_) = self.schedule.timetable {
            // It counts from here.
            self.last = now;
            return 0;
        }
        // Where others have run the ticks before, only this one says from when on.
        let granted = self.claim.as_ref().map(|(_, granted)| *granted);
        let begun = tick
            .zip(granted)
            .map(|((tick, _), granted)| (tick.at, granted));
        let last = begun.map_or(self.last, |(at, _)| at);
        if let Some((at, granted)) = begun
            && self.schedule.timetable.passed(at, granted, 1).count > 0
        {
            // Those that were missed before it come next.
            self.done = Some(at);
            return 0;
        }
        let passed = self.schedule.timetable.passed(last, now, 1);
        self.last = passed.last.back().copied().unwrap_or(last);
        // A run that was asked for has no tick of all instances to be done with.
        self.done = self.claim.is_some().then_some(self.last);
        passed.count
    }
}
