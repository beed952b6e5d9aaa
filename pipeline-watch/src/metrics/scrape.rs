//! What is read for one scrape.

use std::collections::HashMap;

use pipeline_runtime::{Report, Row, Time};
use pipeline_service::{Status, Totals};

use super::writing::Label;
use crate::state::path;
use crate::watched::Watched;

/// The times that were told last, by pipeline and stage. A report's may be less by some microseconds than those of the one before,
/// which Prometheus would take for a new beginning.
pub(super) type Told = HashMap<Vec<Label<'static>>, [f64; 4]>;

/// What is read for one scrape.
#[derive(Default)]
pub(super) struct Scrape {
    /// Of each: its labels.
    pub(super) stages: Vec<(Vec<Label<'static>>, Stage)>,
    pub(super) pipelines: Vec<(Vec<Label<'static>>, Pipeline)>,
    pub(super) processes: Vec<(Vec<Label<'static>>, [u64; 3])>,
}

pub(super) struct Stage {
    pub(super) counts: [u64; 7],
    pub(super) seconds: Option<[f64; 4]>,
    pub(super) now: [Option<u64>; 3],
}

pub(super) struct Pipeline {
    pub(super) is_up: bool,
    pub(super) is_paused: bool,
}

fn labels(pipeline: &str, stage: &str) -> Vec<Label<'static>> {
    vec![
        ("pipeline", pipeline.to_owned()),
        ("stage", stage.to_owned()),
    ]
}

fn seconds(time: &Time) -> [f64; 4] {
    [time.busy, time.starved, time.blocked, time.limited].map(|time| time.as_secs_f64())
}

fn now(row: &Row) -> [Option<u64>; 3] {
    let time = row.time.as_ref();
    [
        time.map(|time| time.workers as u64),
        Some(row.held),
        time.map(|time| time.waiting),
    ]
}

impl Scrape {
    pub(super) fn of(watched: &Watched) -> Self {
        let mut scrape = Self::default();
        for (name, handle) in &watched.pipelines {
            scrape.report(name, &handle.report());
            let is_up = !handle.has_ended();
            let is_paused = is_up && handle.is_paused();
            scrape.pipeline(name, is_up, is_paused);
        }
        for (name, control) in &watched.services {
            scrape.service(name, &control.status());
        }
        scrape
    }

    /// No time is less than it was.
    pub(super) fn rises(&mut self, told: &mut Told) {
        let mut now = Told::new();
        for (labels, stage) in &mut self.stages {
            let Some(seconds) = &mut stage.seconds else {
                continue;
            };
            for (second, told) in seconds
                .iter_mut()
                .zip(told.get(labels).into_iter().flatten())
            {
                *second = second.max(*told);
            }
            now.insert(labels.clone(), *seconds);
        }
        *told = now;
    }

    fn pipeline(&mut self, name: &str, is_up: bool, is_paused: bool) {
        let of = Pipeline { is_up, is_paused };
        self.pipelines
            .push((vec![("pipeline", name.to_owned())], of));
    }

    fn report(&mut self, pipeline: &str, report: &Report) {
        for row in &report.rows {
            let counts = [
                row.entered,
                row.done,
                row.filtered,
                row.failed,
                row.emitted,
                row.retries,
                row.skipped,
            ];
            let stage = Stage {
                counts,
                seconds: row.time.as_ref().map(seconds),
                now: now(row),
            };
            self.stages.push((labels(pipeline, &row.path), stage));
        }
    }

    fn service(&mut self, name: &str, status: &Status) {
        for process in &status.processes {
            let pipeline = path(name, &process.name);
            let is_paused = process.state == pipeline_service::State::Paused;
            self.pipeline(&pipeline, process.state.is_up(), is_paused);
            let counts = [process.runs, process.restarts, process.failures];
            let label = vec![("pipeline", pipeline.clone())];
            self.processes.push((label, counts));
            let live = process.report.as_ref().filter(|_| process.state.is_up());
            for total in &process.totals {
                let row =
                    live.and_then(|report| report.rows.iter().find(|row| row.path == total.stage));
                let stage = of_all_runs(total, row);
                self.stages.push((labels(&pipeline, &total.stage), stage));
            }
        }
    }
}

fn of_all_runs(total: &Totals, row: Option<&Row>) -> Stage {
    let times = [total.busy, total.starved, total.blocked, total.limited];
    Stage {
        counts: [
            total.entered,
            total.done,
            total.filtered,
            total.failed,
            total.emitted,
            total.retries,
            total.skipped,
        ],
        seconds: Some(times.map(|time| time.as_secs_f64())),
        now: row.map_or([None; 3], now),
    }
}
