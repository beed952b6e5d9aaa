//! What a run has done so far, in rows.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Watched;
use crate::build::{Group, Runs};
use crate::counts::Counts;
use crate::failure::{Held, Kept};
use crate::report::{Report, Row, Time};

impl Watched {
    /// A snapshot: all counts are read at one instant.
    pub(crate) fn report(&self) -> Report {
        let held: Vec<_> = self.groups.iter().map(|group| group.own.hold()).collect();
        let counts: Vec<_> = held.iter().map(|held| held.counts().clone()).collect();
        drop(held);
        let now = self.ended.get().copied().unwrap_or_else(Instant::now);
        let mut rows = Vec::new();
        let mut taken = None;
        let mut bottleneck: Option<(f64, &Cow<'static, str>)> = None;
        let mut in_source = Duration::ZERO;
        for (group, counts) in self.groups.iter().zip(&counts) {
            let started = self.started.get().copied().unwrap_or(now);
            let time = group.time(now, started, in_source);
            in_source = group
                .side
                .as_ref()
                .map_or(Duration::ZERO, |side| side.inside());
            let first = rows.len();
            rows.extend(group.rows(counts, taken));
            rows[first + group.main].time = time;
            if let Some(time) = time
                && bottleneck.is_none_or(|(busy, _)| time.busy > busy)
            {
                bottleneck = Some((time.busy, &group.main().name));
            }
            taken = Some(counts.handed);
        }
        Report {
            rows,
            elapsed: self
                .started
                .get()
                .map_or(Duration::ZERO, |started| now.duration_since(*started)),
            bottleneck: bottleneck.map(|(_, name)| name.clone()),
            threads: if self.control.aborted() {
                self.control.threads()
            } else {
                Vec::new()
            },
        }
    }
}

impl Watched {
    /// What has not finished when a drain is past its deadline, in the order of the pipeline.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let report = self.report();
        let (mut kept, mut rows) = (Vec::new(), report.rows.iter());
        for (index, group) in self.groups.iter().enumerate() {
            if group.side.as_ref().is_some_and(|side| side.asked()) {
                kept.push(Kept::new(&group.main().name, 0, Held::InCall));
            }
            for row in rows.by_ref().take(group.stages.len()) {
                kept.push(Kept::new(&row.name, row.unresolved(), Held::Inside));
            }
            if let Some(next) = self.groups.get(index + 1) {
                let held = group.own.hold();
                let counts = held.counts();
                let waiting = counts.emitted.saturating_sub(counts.handed);
                kept.push(Kept::new(&next.main().name, waiting, Held::InFront));
            }
        }
        let unsent = self.control.unsent() as u64;
        kept.push(Kept::new("errors end", unsent, Held::InFront));
        kept.retain(|kept| kept.items > 0 || kept.held == Held::InCall);
        kept
    }
}

impl Group {
    fn rows(&self, counts: &Counts, taken: Option<u64>) -> Vec<Row> {
        let mut input = taken
            .filter(|_| !matches!(self.kind, Runs::Source | Runs::Fused))
            .unwrap_or(counts.resolved);
        let mut resolved = counts.resolved;
        let mut rows = Vec::new();
        for (row, (info, stage)) in self.stages.iter().zip(&counts.stages).enumerate() {
            let done = resolved.saturating_sub(stage.filtered + stage.failed);
            // The stages in front of a sink emit; the sink, which they are named after, does not.
            let emitted = if self.kind == Runs::Sink && row == self.main {
                0
            } else {
                stage.emitted.unwrap_or(done)
            };
            rows.push(Row {
                name: info.name.clone(),
                index: info.index,
                r#in: input,
                done,
                filtered: stage.filtered,
                already_done: stage.already_done,
                lost: stage.lost,
                failed: stage.failed,
                emitted,
                retries: stage.retries,
                held: input - resolved,
                time: None,
            });
            (input, resolved) = (stage.emitted.unwrap_or(done), stage.emitted.unwrap_or(done));
        }
        rows
    }

    /// The shares of the time from `started` to `now`. What a group does not spend between its own start and end is in
    /// none of them; what its workers spent `in_source` in front of it, they starved.
    fn time(&self, now: Instant, started: Instant, in_source: Duration) -> Option<Time> {
        let elapsed = now.duration_since(started).as_secs_f64();
        if elapsed <= 0.0 {
            return None;
        }
        if let Some(side) = &self.side {
            let busy = (side.pulling().as_secs_f64() / elapsed).min(1.0);
            return Some(Time {
                workers: 1,
                busy,
                starved: 0.0,
                blocked: 1.0 - busy,
                parked: 0.0,
            });
        }
        let begun = *self.timing.started.get()?;
        let ended = self.timing.ended.get().copied().unwrap_or(now);
        let staff = self.timing.staff();
        let at_work = staff.until(ended);
        let all = staff.before(begun.saturating_duration_since(started))
            + at_work
            + staff.after(now.saturating_duration_since(ended));
        let share = |span: Duration| span.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE);
        let at_work = share(at_work).min(1.0);
        let starved = share(self.timing.starved.total() + in_source).clamp(0.0, at_work);
        let blocked = share(self.timing.blocked.total()).clamp(0.0, at_work - starved);
        let parked = self.timing.parked.total().as_secs_f64();
        Some(Time {
            workers: self.bound.permits(),
            busy: at_work - starved - blocked,
            starved,
            blocked,
            parked: parked / (all.as_secs_f64() + parked).max(f64::MIN_POSITIVE),
        })
    }
}
