//! What is written about a group of stages.

use std::ops::Range;
use std::time::Duration;

use crate::name::Name;
use crate::rate::Rate;
use crate::runs::Runs;

/// How many items may wait for the journal at one place, so that one batch serves as many.
const JOURNALED: usize = 1024;

/// The options of one worker group, as the expansion writes them.
#[derive(Debug, Clone)]
#[must_use]
pub struct Opts {
    /// The stages of the group, as numbers in the site.
    pub(crate) stages: Range<usize>,
    /// The annotated stage of the group.
    pub(crate) main: usize,
    pub(crate) kind: Kind,
    pub(crate) count: usize,
    pub(crate) buffer: Option<usize>,
    pub(crate) window: Option<usize>,
    pub(crate) ordered: bool,
    pub(crate) pool: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) single: bool,
    pub(crate) rate: Option<Rate>,
    pub(crate) inline: bool,
    /// Whether the items of one key are worked on one at a time.
    pub(crate) by: bool,
    /// Whether the group does nothing but wait for the journal.
    pub(crate) journal: bool,
    /// How many arms of a `match` run in the group.
    pub(crate) arms: usize,
    /// Whether the name of the annotated stage is written.
    pub(crate) named: bool,
    /// What the annotated stage is called where that is not known before it runs.
    pub(crate) called: Option<Name>,
}

/// How a group runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In tokio tasks, one an item at a time.
    Tasks,
    /// On blocking threads.
    Block,
    /// As futures in flight.
    Async,
}

impl Opts {
    fn new(stages: Range<usize>, main: usize, kind: Kind) -> Self {
        Self {
            stages,
            main,
            kind,
            count: 1,
            buffer: None,
            window: None,
            ordered: true,
            pool: false,
            timeout: None,
            single: false,
            rate: None,
            inline: false,
            by: false,
            journal: false,
            arms: 0,
            named: false,
            called: None,
        }
    }

    /// `4 form`, and everything that runs in one task: `batch`, pure stages that nothing annotated can take in.
    pub fn tasks(stages: Range<usize>, main: usize) -> Self {
        Self::new(stages, main, Kind::Tasks)
    }

    /// `:block`.
    pub fn block(stages: Range<usize>, main: usize) -> Self {
        Self::new(stages, main, Kind::Block)
    }

    /// `:async`; also `:drive`, whose count is writes at the same time.
    pub fn asynchronous(stages: Range<usize>, main: usize) -> Self {
        Self::new(stages, main, Kind::Async)
    }

    /// What waits for the journal: it is not worth a task for each core, and its count is no bound that anyone wrote.
    pub fn journal(stages: Range<usize>, main: usize) -> Self {
        Self {
            count: JOURNALED,
            journal: true,
            ..Self::new(stages, main, Kind::Async)
        }
    }

    /// The kind of workers.
    pub(crate) fn runs(&self) -> Runs {
        match self.kind {
            Kind::Tasks if self.inline => Runs::Inline,
            Kind::Tasks => Runs::Tasks,
            Kind::Block if self.pool => Runs::Pool,
            Kind::Block => Runs::Threads,
            Kind::Async => Runs::Futures,
        }
    }

    /// Whether a worker must take one item at a time: its call may be timed out or made again.
    pub(crate) fn single(&self) -> bool {
        self.single || self.timeout.is_some()
    }

    /// The count; 0 is an error when the pipeline starts.
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// How many items may wait in front of the group; 0 is an error when the pipeline starts.
    pub fn buffer(mut self, items: usize) -> Self {
        self.buffer = Some(items);
        self
    }

    /// How many items the group may hold between taking and emitting in order; at least the count.
    pub fn window(mut self, items: usize) -> Self {
        self.window = Some(items);
        self
    }

    /// Emits in order of completion.
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Of the items of one key it works on one at a time; a count of 1 is an error when the pipeline starts.
    pub fn by(mut self) -> Self {
        self.by = true;
        self
    }

    /// Runs on tokio's blocking pool instead of threads of its own.
    pub fn pool(mut self) -> Self {
        self.pool = true;
        self
    }

    /// The group's calls have a timeout.
    pub fn timeout(mut self, after: Duration) -> Self {
        self.timeout = Some(after);
        self
    }

    /// The group's calls may be retried: a worker takes one item at a time.
    pub fn retries(mut self) -> Self {
        self.single = true;
        self
    }

    /// So many arms of a `match` run in the group.
    pub fn arms(mut self, arms: usize) -> Self {
        self.arms = arms;
        self
    }

    /// The group's calls begin no more often than that; one that waits for its turn is taken up again as a retry is.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self.single = true;
        self
    }

    /// The sink has a name that is written.
    pub fn named(mut self) -> Self {
        self.named = true;
        self
    }

    /// The consumer polls the group's worker itself: there is no task.
    pub fn inline(mut self) -> Self {
        self.inline = true;
        self
    }
}
