//! What `/api/state` says. Times are in seconds, those of the day in milliseconds since 1970.

use serde::Serialize;

/// All that is watched, read at about one instant.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    pub(crate) at: u64,
    pub(crate) can_control: bool,
    pub(crate) cores: usize,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) services: Vec<Service>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) letters: Vec<Letters>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) taps: Vec<Tap>,
    pub(crate) notes: Vec<Note>,
}

/// One run of a pipeline, or none of a process that waits.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Pipeline {
    pub(crate) name: String,
    /// Whether it is a process of a service, which is made again.
    pub(crate) is_process: bool,
    pub(crate) state: String,
    pub(crate) is_up: bool,
    pub(crate) is_paused: bool,
    pub(crate) elapsed: f64,
    /// How long the time is that rates and shares are of.
    pub(crate) window: f64,
    /// Items that came in, and that left, in a second.
    pub(crate) rate_in: f64,
    pub(crate) rate_out: f64,
    /// The former, once a second, the newest last.
    pub(crate) history: Vec<f64>,
    pub(crate) bottleneck: Option<String>,
    pub(crate) advice: Option<String>,
    pub(crate) raise: Vec<Raise>,
    /// How many processors the whole program used.
    pub(crate) cpu: Option<f64>,
    pub(crate) is_conserved: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) failures: Failures,
    pub(crate) threads: Vec<String>,
}

/// A count that is advised.
#[derive(Debug, Serialize)]
pub(crate) struct Raise {
    pub(crate) stage: String,
    pub(crate) to: usize,
}

/// Stages that share workers.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Group {
    /// The path of the stage that it is named after.
    pub(crate) name: String,
    pub(crate) stages: Vec<Stage>,
    pub(crate) runs: String,
    pub(crate) workers: usize,
    pub(crate) can_change: bool,
    /// Shares of the time of its workers, from 0 to 1.
    pub(crate) busy: f64,
    pub(crate) starved: f64,
    pub(crate) blocked: f64,
    pub(crate) limited: f64,
    pub(crate) parked: f64,
    /// How many processors its work had.
    pub(crate) cpu: Option<f64>,
    /// How long a worker is busy for one item.
    pub(crate) each: Option<f64>,
    /// How many items wait behind it, and how many it and what is behind it may hold.
    pub(crate) waiting: u64,
    pub(crate) most: Option<usize>,
    pub(crate) is_source: bool,
    pub(crate) is_sink: bool,
    pub(crate) is_beside: bool,
}

/// A stage, a source or a sink. Counts are of the whole run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stage {
    pub(crate) path: String,
    pub(crate) entered: u64,
    pub(crate) done: u64,
    pub(crate) filtered: u64,
    pub(crate) failed: u64,
    pub(crate) emitted: u64,
    pub(crate) retries: u64,
    pub(crate) skipped: u64,
    pub(crate) evicted: u64,
    pub(crate) held: u64,
    /// Items that came to it in a second, that it has done with, and that failed.
    pub(crate) rate: f64,
    pub(crate) rate_done: f64,
    pub(crate) rate_failed: f64,
}

/// From one group to another, by their places.
#[derive(Debug, Serialize)]
pub(crate) struct Arrow {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// How the arm of a `match` is written.
    pub(crate) label: Option<String>,
    pub(crate) handed: u64,
    pub(crate) rate: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Budget {
    pub(crate) name: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) held: u64,
    pub(crate) peak: u64,
    pub(crate) waits: u64,
    pub(crate) waited: f64,
}

/// What has failed since the page has been there.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Failures {
    pub(crate) seen: u64,
    /// Of the last of them: those of one stage and one cause together, the latest first.
    pub(crate) kinds: Vec<Kind>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Kind {
    pub(crate) stage: String,
    pub(crate) cause: String,
    pub(crate) count: usize,
    /// Of the latest.
    pub(crate) at: u64,
    pub(crate) place: String,
    pub(crate) command: &'static str,
    pub(crate) stack: String,
    pub(crate) attempts: u32,
    pub(crate) frames: &'static [&'static str],
    pub(crate) origin: Option<String>,
    pub(crate) is_aside: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) uptime: f64,
    pub(crate) is_ready: bool,
    pub(crate) is_stopping: bool,
    pub(crate) processes: Vec<Process>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Process {
    pub(crate) name: String,
    /// Under which it is among the pipelines.
    pub(crate) pipeline: String,
    pub(crate) state: String,
    pub(crate) since: f64,
    pub(crate) runs: u64,
    pub(crate) restarts: u64,
    pub(crate) skipped: u64,
    pub(crate) failures: u64,
    pub(crate) last_failure: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// Why it could not be asked.
    pub(crate) error: Option<String>,
    pub(crate) ready: u64,
    pub(crate) delayed: u64,
    pub(crate) taken: u64,
    pub(crate) behind: u64,
    pub(crate) oldest: Option<f64>,
    pub(crate) expired: u64,
    pub(crate) is_paused: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Letters {
    pub(crate) name: String,
    pub(crate) error: Option<String>,
    pub(crate) count: u64,
}

/// A place in a pipeline whose items are shown, and how many have gone by since somebody looks.
#[derive(Debug, Serialize)]
pub(crate) struct Tap {
    pub(crate) name: String,
    pub(crate) seen: u64,
    /// The latest last.
    pub(crate) items: Vec<Item>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    pub(crate) at: u64,
    pub(crate) text: String,
}

/// What somebody did through the page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Note {
    pub(crate) at: u64,
    pub(crate) pipeline: String,
    pub(crate) what: String,
}
