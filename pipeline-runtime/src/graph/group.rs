//! Stages that share workers, and what leads to them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Bounded, Crew, Keeps, Resize, Timing};
use crate::flow::edge::Meter;
use crate::name::Name;
use crate::run::control::Control;
use crate::runs::Runs;
use crate::site::{StageId, StageInfo, StageMeta};

/// A row of a plan, and one or several of a report: the stages that share workers.
pub(crate) struct Group {
    pub(crate) stages: Vec<StageInfo>,
    /// What the macro says of them; nothing of a source.
    pub(crate) metas: &'static [StageMeta],
    pub(crate) kind: Runs,
    /// Which of the stages the workers are named after.
    pub(crate) main: usize,
    pub(crate) count: usize,
    /// What leads to its first stage.
    pub(crate) inputs: Vec<Arrow>,
    pub(crate) own: Arc<dyn Meter>,
    pub(crate) timing: Arc<Timing>,
    /// Items for each credit of `bound`: the size of a batch.
    pub(crate) per_credit: usize,
    pub(crate) bound: Arc<dyn Bounded>,
    /// What it keeps of the items that it has seen.
    pub(crate) state: Option<Keeps>,
    /// Only for a source.
    pub(crate) side: Option<Arc<dyn PullTime>>,
    /// Its workers.
    pub(crate) crew: Arc<Crew>,
    /// Of a side line that nothing waits for: what stops it.
    pub(crate) beside: Option<Arc<Control>>,
    /// Who makes them more or fewer.
    pub(crate) resize: Option<Weak<dyn Resize>>,
}

impl Group {
    /// The stage that the group's workers are named after.
    pub(crate) fn main(&self) -> &StageInfo {
        &self.stages[self.main]
    }

    /// Its last stage, which arrows lead on from.
    pub(crate) fn id(&self) -> StageId {
        self.stages[self.stages.len() - 1].id
    }

    /// Whether that is one of its stages.
    pub(crate) fn has(&self, id: StageId) -> bool {
        self.stages.iter().any(|stage| stage.id == id)
    }

    /// What leads on from here, where nothing divides its items.
    pub(crate) fn arrow(&self) -> Arrow {
        Arrow {
            from: self.id(),
            meter: Arc::clone(&self.own),
            lane: 0,
            label: None,
            bound: Arc::clone(&self.bound),
            before: Vec::new(),
            parts: false,
        }
    }
}

/// What leads from one group to another.
#[derive(Clone)]
pub(crate) struct Arrow {
    /// The last stage in front.
    pub(crate) from: StageId,
    /// Counts what goes along it: what was emitted into it, and of that what was handed to the next group.
    pub(crate) meter: Arc<dyn Meter>,
    /// Of what the meter counts, which.
    pub(crate) lane: usize,
    /// How the arm of a `match` is written that begins here.
    pub(crate) label: Option<Name>,
    /// The bound that the next group's `buffer` sets.
    pub(crate) bound: Arc<dyn Bounded>,
    /// What leads to where it is counted, if that is not the group in front.
    pub(crate) before: Vec<Arrow>,
    /// Whether what goes along it shares its message with what goes along another one.
    pub(crate) parts: bool,
}

impl Arrow {
    /// With what leads to where it is counted.
    pub(crate) fn all(&self) -> Vec<&Arrow> {
        let mut all: Vec<_> = self.before.iter().flat_map(Arrow::all).collect();
        all.push(self);
        all
    }
}

/// The time that goes into running a source.
pub(crate) trait PullTime: Send + Sync {
    /// All of it.
    fn pulling(&self) -> Duration;

    /// What it waited for the pipeline itself.
    fn starved(&self) -> Duration;

    /// What of it the first stage's workers spent, running the source or waiting for the one that does.
    fn inside(&self) -> Duration;

    /// Whether a worker runs it now.
    fn asked(&self) -> bool;

    /// The sources that it has besides.
    fn grown(&self) -> Option<Box<dyn Growth + '_>> {
        None
    }
}

/// Sources that come and go while the pipeline runs. None does while this is held, which is locked before any meter.
pub(crate) trait Growth {
    fn groups(&self) -> Vec<Arc<Group>>;
}
