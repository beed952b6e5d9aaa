//! Failures of one stage and one cause, together.

use std::time::{SystemTime, UNIX_EPOCH};

use pipeline_runtime::FailuresSnapshot;

use super::json::{Failures, Kind};

/// Those of the last 100 that are of a kind, the latest first.
pub(super) fn kinds(latest: &FailuresSnapshot) -> Failures {
    let mut kinds: Vec<Kind> = Vec::new();
    for failure in latest.latest.iter().rev() {
        let known = kinds.iter_mut();
        let mut known =
            known.filter(|kind| kind.stage == *failure.stage && kind.cause == *failure.cause);
        if let Some(kind) = known.next() {
            kind.count += 1;
            continue;
        }
        kinds.push(Kind {
            stage: failure.stage.to_string(),
            cause: failure.cause.to_string(),
            count: 1,
            at: millis(failure.at),
            place: failure.place.clone(),
            command: failure.command,
            stack: failure.stack.to_string(),
            attempts: failure.attempts,
            frames: failure.frames,
            origin: failure.origin.clone(),
            is_aside: failure.is_aside,
        });
    }
    Failures {
        seen: latest.seen,
        kinds,
    }
}

/// Since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
