//! What a run has done so far, in rows.

use std::time::{Duration, Instant};

use super::Watched;
use crate::build::{Group, Runs};
use crate::counts::Counts;
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
        let mut bottleneck: Option<(f64, &'static str)> = None;
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
            rows[first].time = time;
            if let Some(time) = time
                && bottleneck.is_none_or(|(busy, _)| time.busy > busy)
            {
                bottleneck = Some((time.busy, group.main().name));
            }
            taken = Some(counts.handed);
        }
        Report {
            rows,
            elapsed: self
                .started
                .get()
                .map_or(Duration::ZERO, |started| now.duration_since(*started)),
            bottleneck: bottleneck.map(|(_, name)| name),
            threads: if self.control.aborted() {
                self.control.threads()
            } else {
                Vec::new()
            },
        }
    }
}

impl Group {
    fn rows(&self, counts: &Counts, taken: Option<u64>) -> Vec<Row> {
        let mut input = taken
            .filter(|_| !matches!(self.kind, Runs::Source | Runs::Fused))
            .unwrap_or(counts.resolved);
        let mut resolved = counts.resolved;
        let mut rows = Vec::new();
        for (info, stage) in self.stages.iter().zip(&counts.stages) {
            let done = resolved.saturating_sub(stage.filtered + stage.failed);
            let emitted = if self.kind == Runs::Sink {
                0
            } else {
                stage.emitted.unwrap_or(done)
            };
            rows.push(Row {
                name: info.name,
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
