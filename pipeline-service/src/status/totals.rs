//! What the stages of a process have done in all of its runs.

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
            });
            totals.len() - 1
        });
        let total = &mut totals[place];
        total.entered += row.entered;
        total.done += row.done;
        total.filtered += row.filtered;
        total.failed += row.failed;
    }
}
