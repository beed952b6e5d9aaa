//! What the stages of a process have done in all of its runs.

use std::time::Duration;

use pipeline_runtime::{Name, Report};
use serde::Serialize;

/// What a stage has done in all runs of its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Its [path](pipeline_runtime::StageInfo::path).
    pub stage: Name,
    /// Items that came to it.
    pub entered: u64,
    /// Items that it has done.
    pub done: u64,
    /// Items that it has filtered out.
    pub filtered: u64,
    /// Items that failed in it.
    pub failed: u64,
    /// Items that it has put out.
    pub emitted: u64,
    /// Calls that it has made again.
    pub retries: u64,
    /// Items that were meant to come to it and did not: [`Row::skipped`](pipeline_runtime::Row::skipped).
    pub skipped: u64,
    /// The time of its workers, all together: working.
    pub busy: Duration,
    /// Waiting for items.
    pub starved: Duration,
    /// Waiting for room.
    pub blocked: Duration,
    /// Kept by its `rate`.
    pub limited: Duration,
}

/// Adds what a run has done.
pub(super) fn add(totals: &mut Vec<Totals>, report: &Report) {
    for row in &report.rows {
        let place = totals.iter().position(|total| total.stage == row.path);
        let place = place.unwrap_or_else(|| {
            totals.push(Totals {
                stage: row.path.clone(),
                entered: 0,
                done: 0,
                filtered: 0,
                failed: 0,
                emitted: 0,
                retries: 0,
                skipped: 0,
                busy: Duration::ZERO,
                starved: Duration::ZERO,
                blocked: Duration::ZERO,
                limited: Duration::ZERO,
            });
            totals.len() - 1
        });
        let total = &mut totals[place];
        total.entered += row.entered;
        total.done += row.done;
        total.filtered += row.filtered;
        total.failed += row.failed;
        total.emitted += row.emitted;
        total.retries += row.retries;
        total.skipped += row.skipped;
        if let Some(time) = &row.time {
            total.busy += time.busy;
            total.starved += time.starved;
            total.blocked += time.blocked;
            total.limited += time.limited;
        }
    }
}
