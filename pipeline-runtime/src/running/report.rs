//! What a run has done so far, in rows.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Moment, Watched};
use crate::failure::{Held, Kept};
use crate::flow::edge::Meter;
use crate::graph::{Arrow, Group};
use crate::measure::bottleneck::bottleneck;
use crate::measure::counts::Counts;
use crate::measure::cpu::{self, cores};
use crate::measure::report::Report;
use crate::measure::row::{self, Row};
use crate::measure::time::Time;
use crate::runs::Runs;
use crate::site::Inlet;

/// All counts of a run, read at one instant.
struct Snapshot<'a> {
    wired: &'a [Group],
    /// Of those that have sources which come and go: the place, and those that there are now.
    grown: Vec<(usize, Vec<Arc<Group>>)>,
    /// Where the counts of a meter are.
    places: HashMap<*const (), usize>,
    /// Of each, by lanes.
    counts: Vec<Vec<Counts>>,
}

impl<'a> Snapshot<'a> {
    fn of(groups: &'a [Group]) -> Self {
        // Held until all is read: what has come is in a row, and in one alone.
        let growths = groups.iter().enumerate().filter_map(|(place, group)| {
            let side = group.side.as_ref()?;
            Some((place, side.grown()?))
        });
        let growths: Vec<_> = growths.collect();
        let grown = growths
            .iter()
            .map(|(place, growth)| (*place, growth.groups()));
        let mut snapshot = Self {
            wired: groups,
            grown: grown.collect(),
            places: HashMap::new(),
            counts: Vec::new(),
        };
        snapshot.read();
        drop(growths);
        snapshot
    }

    fn read(&mut self) {
        let mut meters: Vec<Arc<dyn Meter>> = Vec::new();
        for group in self.groups() {
            let inputs = group.inputs.iter().flat_map(Arrow::all);
            let inputs = inputs.map(|arrow| &arrow.meter);
            meters.extend(inputs.chain([&group.own]).map(Arc::clone));
        }
        // Whoever divides items or brings them together asks for them under its lock.
        meters.sort_by_key(|meter| Reverse(meter.rank()));
        // None may be held twice.
        let mut places = HashMap::new();
        meters.retain(|meter| {
            let next = places.len();
            let place = places.entry(id(meter));
            matches!(place, Entry::Vacant(_)) && *place.or_insert(next) == next
        });
        let held: Vec<_> = meters.iter().map(|meter| meter.hold()).collect();
        let counts = held.iter().map(|held| held.lanes().to_vec()).collect();
        drop(held);
        (self.places, self.counts) = (places, counts);
    }

    /// All groups, those that came later in front of the row of those that went.
    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.wired.iter().enumerate().flat_map(|(place, group)| {
            let grown = self.grown.iter().filter(move |(at, _)| *at == place);
            let grown = grown.flat_map(|(_, groups)| groups.iter().map(|group| &**group));
            grown.chain([group])
        })
    }

    /// What leads to a group, also from those that came later.
    fn inputs(&self, group: &Group) -> Vec<Arrow> {
        let mut inputs = Vec::new();
        for arrow in &group.inputs {
            let grown = self.grown.iter();
            let grown = grown.filter(|(place, _)| self.wired[*place].has(arrow.from));
            inputs.extend(grown.flat_map(|(_, groups)| groups.iter().map(|group| group.arrow())));
            inputs.push(arrow.clone());
        }
        inputs
    }

    /// What the workers of a group spent in the sources in front of it.
    fn in_source(&self, group: &Group) -> Duration {
        let inputs = self.inputs(group);
        let leads = |before: &&Group| inputs.iter().any(|arrow| before.has(arrow.from));
        let sides = self.groups().filter(leads);
        let sides = sides.filter_map(|before| before.side.as_ref());
        sides.map(|side| side.inside()).sum()
    }

    /// What the groups themselves count.
    fn counts(&self, meter: &Arc<dyn Meter>) -> &Counts {
        &self.lanes(meter)[0]
    }

    /// What has come along an arrow.
    fn along(&self, arrow: &Arrow) -> &Counts {
        &self.lanes(&arrow.meter)[arrow.lane]
    }

    fn lanes(&self, meter: &Arc<dyn Meter>) -> &[Counts] {
        &self.counts[self.places[&id(meter)]]
    }
}

fn id(meter: &Arc<dyn Meter>) -> *const () {
    Arc::as_ptr(meter).cast()
}

/// The rows of these groups alone.
#[cfg(test)]
pub(crate) fn rows_of(groups: &[Group]) -> Vec<Row> {
    let snapshot = Snapshot::of(groups);
    snapshot
        .groups()
        .flat_map(|group| group.rows(&snapshot))
        .collect()
}

impl Watched {
    /// A snapshot: all counts are read at one instant.
    pub(crate) fn report(&self) -> Report {
        let snapshot = Snapshot::of(&self.groups);
        let now = self.ended.get().copied().unwrap_or_else(Moment::now);
        let started = self.started.get().copied();
        let cpu = started.and_then(|started| now.cpu_since(&started));
        let (now, started) = (now.at, started.map(|started| started.at));
        let mut rows = Vec::new();
        for group in snapshot.groups() {
            let first = rows.len();
            rows.extend(group.rows(&snapshot));
            let time = started.filter(|started| *started < now);
            rows[first + group.main].time =
                time.and_then(|started| group.time(now, started, &snapshot));
        }
        let elapsed = started.map_or(Duration::ZERO, |started| now.duration_since(started));
        Report {
            bottleneck: bottleneck(&rows, elapsed),
            rows,
            elapsed,
            cpu,
            cores: cores(),
            threads: self.control.abandoned(),
        }
    }

    /// What has not finished when a drain is past its deadline, in the order in which it was wired.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let snapshot = Snapshot::of(&self.groups);
        let mut kept = Vec::new();
        // Nothing waits for the others.
        for group in snapshot.groups().filter(|group| group.beside.is_none()) {
            let inputs = snapshot.inputs(group);
            let waiting = inputs.iter().flat_map(Arrow::all).map(|arrow| {
                let counts = snapshot.along(arrow);
                counts.emitted.saturating_sub(counts.handed)
            });
            let path = &group.main().path;
            kept.push(Kept::new(path, waiting.sum(), Held::InFront));
            if group.side.as_ref().is_some_and(|side| side.asked()) {
                kept.push(Kept::new(path, 0, Held::InCall));
            }
            for row in group.rows(&snapshot) {
                kept.push(Kept::new(&row.path, row.unresolved(), Held::Inside));
            }
        }
        let unsent = self.control.unsent() as u64;
        kept.push(Kept::new("errors end", unsent, Held::InFront));
        kept.retain(|kept| kept.items > 0 || kept.held == Held::InCall);
        kept
    }
}

impl Group {
    fn rows(&self, snapshot: &Snapshot<'_>) -> Vec<Row> {
        let counts = snapshot.counts(&self.own);
        let inputs = snapshot.inputs(self);
        let mut inputs: Vec<_> = inputs
            .iter()
            .map(|arrow| row::Arrow {
                from: arrow.from,
                handed: snapshot.along(arrow).handed,
            })
            .collect();
        let handed = inputs.iter().map(|arrow| arrow.handed).sum::<u64>();
        // Nothing leads to a source; and fused stages are counted a moment after it.
        let (mut entered, mut resolved) = (handed.max(counts.resolved), counts.resolved);
        let mut skipped = self.skipped(snapshot);
        if self.is_cut_off() {
            skipped += entered - resolved;
            entered = resolved;
        }
        let mut rows: Vec<Row> = Vec::new();
        for (row, (info, stage)) in self.stages.iter().zip(&counts.stages).enumerate() {
            if row > 0 {
                inputs = self.inside(row, &rows, counts);
                entered = inputs.iter().map(|arrow| arrow.handed).sum();
                resolved = entered;
            }
            let done = resolved.saturating_sub(stage.filtered + stage.failed);
            // The stages in front of a sink emit; the sink, which they are named after, does not.
            let emitted = if self.kind == Runs::Sink && row == self.main {
                0
            } else {
                stage.emitted.unwrap_or(done)
            };
            rows.push(Row {
                name: info.name.clone(),
                path: info.path.clone(),
                id: info.id,
                inputs: std::mem::take(&mut inputs),
                entered,
                done,
                filtered: stage.filtered,
                already_done: stage.already_done,
                lost: stage.lost,
                failed: stage.failed,
                emitted,
                retries: stage.retries,
                evicted: stage.evicted,
                by_bytes: stage.by_bytes,
                skipped: std::mem::take(&mut skipped),
                held: entered - resolved,
                time: None,
            });
        }
        rows
    }

    /// Whether it is of a side line that was ended before its time.
    fn is_cut_off(&self) -> bool {
        let beside = self.beside.as_ref();
        beside.is_some_and(|line| line.stopped())
    }

    /// What did not come to its first row.
    fn skipped(&self, snapshot: &Snapshot<'_>) -> u64 {
        let along = self.inputs.iter().map(|arrow| snapshot.along(arrow));
        along
            .map(|counts| {
                let waits = counts.emitted.saturating_sub(counts.handed);
                counts.skipped + if self.is_cut_off() { waits } else { 0 }
            })
            .sum()
    }

    /// What leads to a row from those in front of it: from the one before, or from the arms of a `match`.
    fn inside(&self, row: usize, rows: &[Row], counts: &Counts) -> Vec<row::Arrow> {
        let inlets = self.metas.get(row).map_or(&[][..], |meta| meta.inlets);
        let passed = |arm: usize| counts.arms.get(arm).copied().unwrap_or(0);
        let arrow = |inlet: &Inlet| match *inlet {
            Inlet::Back { from, arm } => (from, passed(arm)),
            // All that has begun the arm: what came to its end, and what did not.
            Inlet::Arm { of, arm, end, .. } => {
                let stages = &counts.stages[row..end.min(counts.stages.len())];
                let left = stages.iter().map(|stage| stage.filtered + stage.failed);
                (of, passed(arm) + left.sum::<u64>())
            }
        };
        let mut inside: Vec<_> = inlets.iter().map(arrow).collect();
        if inside.is_empty() {
            let before = row - 1;
            let emitted = counts.stages[before].emitted;
            inside.push((before, emitted.unwrap_or(rows[before].done)));
        }
        let arrows = inside.into_iter();
        arrows
            .map(|(from, handed)| row::Arrow {
                from: self.stages[from].id,
                handed,
            })
            .collect()
    }

    /// What its workers did from `started` to `now`. What a group does not spend between its own start and end is in none of
    /// the parts; what its workers spent in the sources in front of it, they starved.
    fn time(&self, now: Instant, started: Instant, snapshot: &Snapshot<'_>) -> Option<Time> {
        let elapsed = now.duration_since(started);
        let mut time = Time {
            runs: self.kind,
            workers: self.crew.permits(),
            available: elapsed,
            busy: Duration::ZERO,
            starved: Duration::ZERO,
            blocked: Duration::ZERO,
            limited: Duration::ZERO,
            parked: self.timing.parked.total(),
            cpu: None,
            waiting: self.waiting(snapshot),
            drives: Duration::ZERO,
            grows: self.resize.is_some(),
            is_beside: self.beside.is_some(),
        };
        if let Some(side) = &self.side {
            let mut left = Left(elapsed);
            time.workers = 1;
            time.busy = left.take(side.pulling());
            time.starved = left.take(side.starved());
            time.blocked = left.0;
            return Some(time);
        }
        let begun = *self.timing.started.get()?;
        let ended = self.timing.ended.get().copied().unwrap_or(now);
        let staff = self.timing.staff();
        let at_work = staff.until(ended);
        time.available = staff.before(begun.saturating_duration_since(started))
            + at_work
            + staff.after(now.saturating_duration_since(ended));
        let in_source = snapshot.in_source(self);
        // Of futures that share drivers: what is used of their places is known, and what is lacked in the others.
        let drivers = self.timing.drivers.get().copied();
        let busy = drivers.map(|drivers| {
            let used = self.timing.in_flight.total();
            let drives = self.timing.drives().saturating_sub(in_source);
            time.drives = drives / u32::try_from(drivers).unwrap_or(u32::MAX).max(1);
            let span = ended.saturating_duration_since(begun);
            used.max(at_work.mul_f64(part(time.drives, span)))
        });
        let mut left = Left(at_work.saturating_sub(busy.unwrap_or_default()));
        let in_source = if busy.is_some() {
            Duration::ZERO
        } else {
            in_source
        };
        time.starved = left.take(self.timing.starved.total() + in_source);
        time.blocked = left.take(self.timing.blocked.total());
        time.limited = left.take(self.timing.limited.total());
        time.busy = busy.map_or(left.0, |busy| busy.min(at_work));
        let drives = self.timing.drives();
        let work = if drives.is_zero() {
            let counts = snapshot.counts(&self.own);
            counts.resolved + counts.stages[self.main].retries
        } else {
            cpu::nanos(drives)
        };
        let cpu = self.timing.cpu.of(work);
        time.cpu = cpu.map(|cpu| cpu.min(time.busy));
        Some(time)
    }

    /// How many items wait behind it.
    fn waiting(&self, snapshot: &Snapshot<'_>) -> u64 {
        let lanes = snapshot.lanes(&self.own).iter();
        let waiting = lanes.map(|counts| counts.emitted.saturating_sub(counts.handed));
        waiting.sum()
    }
}

/// The time that is not accounted for yet.
struct Left(Duration);

impl Left {
    fn take(&mut self, span: Duration) -> Duration {
        let span = span.min(self.0);
        self.0 = self.0.saturating_sub(span);
        span
    }
}

fn part(of: Duration, all: Duration) -> f64 {
    (of.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE)).min(1.0)
}
