//! Services and their processes.

use std::collections::HashMap;

use pipeline_runtime::Handle;
use pipeline_service::{ProcessStatus, Status};

use super::json::{Pipeline, Process, Service};
use super::track::{Track, look};
use crate::watched::Watched;

/// What a process is called among the pipelines.
pub(crate) fn path(service: &str, process: &str) -> String {
    format!("{service}/{process}")
}

/// The runs of processes that are under way.
pub(super) fn runs(watched: &Watched) -> impl Iterator<Item = (String, Handle)> {
    watched.services.iter().flat_map(|(service, control)| {
        let processes = control.processes();
        processes.iter().filter_map(move |process| {
            let handle = control.handle(process).ok().flatten()?;
            Some((path(service, process), handle))
        })
    })
}

/// Each process as a pipeline: its run, or the last one.
pub(super) fn processes(
    service: &str,
    status: &Status,
    tracks: &mut HashMap<String, Track>,
    is_next: bool,
) -> Vec<Pipeline> {
    let processes = status.processes.iter().map(|process| {
        let name = path(service, &process.name);
        let mut pipeline = match (tracks.get_mut(&name), &process.report) {
            (Some(track), _) => track.look(&name, is_next),
            (None, Some(report)) => look(&name, report, None, None),
            // A task, or one that has not run yet.
            (None, None) => Pipeline {
                name: name.clone(),
                is_conserved: true,
                ..Pipeline::default()
            },
        };
        pipeline.is_process = true;
        pipeline.state = process.state.to_string();
        pipeline.is_up = process.state.is_up();
        pipeline
    });
    processes.collect()
}

pub(super) fn service(name: &str, status: &Status) -> Service {
    let processes = status.processes.iter();
    Service {
        name: name.to_owned(),
        uptime: status.uptime.as_secs_f64(),
        is_ready: status.ready,
        is_stopping: status.stopping,
        processes: processes.map(|process| one(name, process)).collect(),
    }
}

fn one(service: &str, process: &ProcessStatus) -> Process {
    Process {
        name: process.name.to_string(),
        pipeline: path(service, &process.name),
        state: process.state.to_string(),
        since: process.since.as_secs_f64(),
        runs: process.runs,
        restarts: process.restarts,
        skipped: process.skipped,
        failures: process.failures,
        last_failure: process.last_failure.as_ref().map(ToString::to_string),
    }
}
