//! What is wrong with a service that is declared.

use std::time::Duration;

use pipeline_runtime::Name;

use super::order;
use crate::error::Invalid;
use crate::lease::Leader;
use crate::process::Process;

/// The order in which the processes start, if nothing is wrong.
pub(super) fn order<S>(
    service: &Name,
    grace: Duration,
    processes: &[Process<S>],
) -> Result<Vec<usize>, Invalid> {
    let names: Vec<_> = processes
        .iter()
        .map(|process| process.name.clone())
        .collect();

    if names.is_empty() {
        let service = service.clone();
        return Err(Invalid::Empty { service });
    }
    if grace.is_zero() {
        return Err(Invalid::Grace);
    }
    for process in processes {
        let has_none = |(_, within): (u32, Duration)| within.is_zero();
        if process.restart.limit.is_some_and(has_none) {
            let process = process.name.clone();
            return Err(Invalid::Limit { process });
        }
    }
    let has_no_time = |process: &&Process<S>| {
        let leader = process.leader.as_ref();
        leader.is_some_and(Leader::has_no_time)
    };
    if let Some(process) = processes.iter().find(has_no_time) {
        let process = process.name.clone();
        return Err(Invalid::Ttl { process });
    }
    for process in processes {
        let name = || process.name.clone();
        match &process.schedule {
            Some(Ok(schedule)) if schedule.has_no_period() => {
                return Err(Invalid::Period { process: name() });
            }
            Some(Err(error)) => {
                return Err(Invalid::Schedule {
                    process: name(),
                    error: error.clone(),
                });
            }
            Some(Ok(_)) | None => {}
        }
    }
    let after: Vec<_> = processes.iter().map(|process| &process.after[..]).collect();
    order::of(&names, &after)
}
