//! What a run did, as a person reads it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::find::{FindStageError, find};
use crate::measure::table::Table;
use crate::name::Name;
use crate::site::StageId;

/// What a run did: a row for the source, for every stage and for the sink.
///
/// `Display` writes it as a table.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they were wired: a row is behind those that lead to it.
    pub rows: Vec<Row>,
    /// From the start to the end, or to now.
    pub elapsed: Duration,
    /// The path of the row that the others waited for most: which was busy, or limited by its `rate`, for the largest part
    /// of its time.
    pub bottleneck: Option<Name>,
    /// After an abort: the names of the threads in which a blocking call has not returned yet.
    pub threads: Vec<String>,
}

/// What one stage, or one end, did.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The stage's name; the source's; the sink's.
    pub name: Name,
    /// The same behind the names of what it is inside of, as `words/lower`. No other row has it.
    pub path: Name,
    /// Which row it is.
    pub id: StageId,
    /// From where items come to it. Nothing leads to a source, except to one that is a pipeline.
    pub inputs: Vec<Arrow>,
    /// Input items: all that came along `inputs`. Those of a source are what it read.
    pub entered: u64,
    /// Of them, processed.
    pub done: u64,
    /// Of them, dropped on purpose.
    pub filtered: u64,
    /// Of the filtered: those whose task was found to be done already.
    pub already_done: u64,
    /// Of the filtered: those whose delivery was found to be somebody else's by now.
    pub lost: u64,
    /// Of them, failed for good.
    pub failed: u64,
    /// Output items.
    pub emitted: u64,
    /// Calls that were made again.
    pub retries: u64,
    /// Of a stage that keeps something: what it put out, or forgot, before its time, because it may keep no more.
    pub evicted: u64,
    /// Of a stage in a side line with `lossy`: the items that were meant to come to it and are not in `entered`, since there was
    /// no room for them, or because it had not done with them when the side line was cut off.
    pub skipped: u64,
    /// How many items it is working on, or keeps until they can be emitted in order.
    pub held: u64,
    /// Of stages that share workers only in the row of that which they are named after.
    pub time: Option<Time>,
}

/// What leads to a row from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Arrow {
    /// The row that they come from.
    pub from: StageId,
    /// How many items came along it.
    pub handed: u64,
}

/// What a group of workers did with its time.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Time {
    /// How many workers share it now. Of `:async` these are futures in flight, of a sink writes.
    pub workers: usize,
    /// The part of it spent working, from 0 to 1. The time of the group is that of all its workers which may work.
    pub busy: f64,
    /// The part spent waiting for items.
    pub starved: f64,
    /// The part spent waiting for room.
    pub blocked: f64,
    /// The part in which nothing kept it from more calls but the stage's `rate`: there were items that waited for their
    /// turn, and places free for them.
    pub limited: f64,
    /// The part of the time of all workers in which they may not work, after the count was lowered; not in the others.
    pub parked: f64,
}

impl Report {
    /// The row of that path, or the only one whose path ends so: `lower` for `words/lower`.
    ///
    /// # Errors
    ///
    /// There is none, or there are several: the error lists their paths.
    pub fn stage(&self, path: &str) -> Result<&Row, FindStageError> {
        find(&self.rows, |row| &row.path, path)
    }

    /// Whether every input item of every row is accounted for: `in = done + filtered + failed`.
    #[must_use]
    pub fn conserved(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.entered == row.done + row.filtered + row.failed)
    }
}

impl Time {
    /// The part of it for which others have to wait.
    pub(crate) fn occupied(&self) -> f64 {
        self.busy + self.limited
    }
}

impl Row {
    /// Input items that are neither done nor filtered nor failed.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        self.entered
            .saturating_sub(self.done + self.filtered + self.failed)
    }
}

/// One of the shares.
type Part = fn(&Time) -> f64;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |part: Part| {
            let mut times = self.rows.iter().filter_map(|row| row.time.as_ref());
            times.any(|time| part(time) > 0.0)
        };
        let rarely: [(&str, Part); 2] = [
            ("limited", |time| time.limited),
            ("parked", |time| time.parked),
        ];
        let rarely = rarely.map(|(name, part)| any(part).then_some((name, part)));
        let mut head = vec![
            "stage", "in", "done", "filtered", "failed", "emitted", "retries", "busy", "starved",
            "blocked",
        ];
        head.extend(rarely.iter().flatten().map(|(name, _)| *name));
        let evicted = self.rows.iter().any(|row| row.evicted > 0);
        head.extend(evicted.then_some("evicted"));
        let skipped = self.rows.iter().any(|row| row.skipped > 0);
        head.extend(skipped.then_some("skipped"));
        let mut table = Table::new(head);
        for row in &self.rows {
            let share = |part: Part| {
                row.time
                    .as_ref()
                    .map_or_else(String::new, |time| format!("{:.0} %", 100.0 * part(time)))
            };
            let mut cells = vec![
                row.path.to_string(),
                row.entered.to_string(),
                row.done.to_string(),
                row.filtered.to_string(),
                row.failed.to_string(),
                row.emitted.to_string(),
                row.retries.to_string(),
                share(|time| time.busy),
                share(|time| time.starved),
                share(|time| time.blocked),
            ];
            cells.extend(rarely.iter().flatten().map(|(_, part)| share(*part)));
            cells.extend(evicted.then(|| row.evicted.to_string()));
            cells.extend(skipped.then(|| row.skipped.to_string()));
            table.row(cells);
        }
        write!(f, "{table}")?;
        write!(f, "{:.3?}", self.elapsed)?;
        if let Some(bottleneck) = &self.bottleneck {
            write!(f, ", bottleneck: {bottleneck}")?;
            let times = self.rows.iter().filter(|row| row.path == *bottleneck);
            let mut times = times.filter_map(|row| row.time);
            if times.any(|time| time.limited > time.busy) {
                write!(f, ", by its rate")?;
            }
        }
        let verdict = if self.conserved() {
            "in = done + filtered + failed in every row"
        } else {
            "items are still on their way"
        };
        writeln!(f, "; {verdict}")?;
        for thread in &self.threads {
            writeln!(f, "thread `{thread}` has not returned from a call")?;
        }
        Ok(())
    }
}
