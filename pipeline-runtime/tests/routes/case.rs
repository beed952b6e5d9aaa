//! What a seed gives: a shape, what goes in, how it ends, what happens meanwhile.

use pipeline_runtime::private::{Site, StageMeta};

use crate::random::Random;
use crate::shape::{Line, May, Shapes, Stands};

/// What goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Items,
    /// Items, some of which go in again, of which so many may wait.
    Loop(usize),
    Queue,
    /// Messages, some of which go in again.
    QueueLoop(usize),
    /// Messages that are tasks.
    Tasks,
}

impl Input {
    pub(crate) fn is_queue(self) -> bool {
        matches!(self, Self::Queue | Self::QueueLoop(_) | Self::Tasks)
    }

    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Self::Loop(limit) | Self::QueueLoop(limit) => Some(limit),
            _ => None,
        }
    }
}

/// How it ends, those in the middle after so many items are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Itself,
    Drain(usize),
    Abort(usize),
    Drop(usize),
}

impl Ends {
    pub(crate) fn after(self) -> usize {
        match self {
            Self::Itself => usize::MAX,
            Self::Drain(after) | Self::Abort(after) | Self::Drop(after) => after,
        }
    }
}

/// How the errors end is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    AtOnce,
    /// One by one, with pauses.
    Slowly,
    /// Not before everything else is over, or has waited for long.
    Late,
}

/// After so many more items are written, a stage gets another count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) after: usize,
    pub(crate) stage: usize,
    pub(crate) count: usize,
}

/// No count is changed to more.
pub(crate) const MOST: usize = 8;

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) line: Line,
    pub(crate) site: &'static Site,
    /// The stage in which messages become items.
    pub(crate) first: usize,
    /// The stage of the sink at the end; none where the output is a stream.
    pub(crate) sink: Option<usize>,
    pub(crate) input: Input,
    pub(crate) items: u64,
    pub(crate) ends: Ends,
    pub(crate) reads: Reads,
    pub(crate) changes: Vec<Change>,
    /// Whether time is tokio's paused one.
    pub(crate) is_virtual: bool,
}

impl Case {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let limit = match random.from(0, 2) {
            0 => random.from(1, 20),
            _ => 10_000,
        };
        let input = match random.from(0, 7) {
            0..=2 => Input::Items,
            3 | 4 => Input::Loop(limit),
            5 => Input::Queue,
            6 => Input::QueueLoop(limit),
            _ if cfg!(feature = "journal") => Input::Tasks,
            _ => Input::Queue,
        };
        let mut shapes = Shapes {
            random: &mut random,
            stages: 0,
            counted: Vec::new(),
            may: May {
                goes_in_again: input.limit().is_some(),
                records: input == Input::Tasks,
            },
        };
        let first = shapes.stage();
        let mut stands = Stands {
            depth: 2,
            ordered: false,
            whole: true,
        };
        let line = shapes.line(&mut stands);
        let sink = shapes.stage();
        let (stages, counted) = (shapes.stages, shapes.counted);
        let items = random.from(0, if input.is_queue() { 80 } else { 200 });
        let after = random.from(0, items / 2);
        let ends = match random.from(0, 6) {
            0 => Ends::Drain(after),
            1 => Ends::Abort(after),
            2 => Ends::Drop(after),
            _ => Ends::Itself,
        };
        let is_stream = matches!(ends, Ends::Itself | Ends::Drop(_)) && random.is(2);
        let reads = match random.from(0, 3) {
            0 => Reads::Slowly,
            1 => Reads::Late,
            _ => Reads::AtOnce,
        };
        let changes = if random.is(2) && !counted.is_empty() {
            random.from(1, 8)
        } else {
            0
        };
        let changes = (0..changes).map(|_| Change {
            after: random.from(0, 30),
            stage: counted[random.from(0, counted.len() - 1)],
            count: random.from(1, MOST),
        });
        Self {
            seed,
            line,
            site: site(stages),
            first,
            sink: (!is_stream).then_some(sink),
            input,
            items: items as u64,
            ends,
            reads,
            changes: changes.collect(),
            is_virtual: random.is(2),
        }
    }

    /// Whether it is known what comes of each item.
    pub(crate) fn is_certain(&self) -> bool {
        let is_whole = match self.ends {
            Ends::Itself => true,
            Ends::Drain(_) => self.input == Input::Items,
            Ends::Abort(_) | Ends::Drop(_) => false,
        };
        let has_room = self.input.limit().is_none_or(|limit| limit == 10_000);
        is_whole && has_room && !self.input.is_queue()
    }
}

/// Stages of names that nobody wrote.
fn site(stages: usize) -> &'static Site {
    let meta = |number: usize| StageMeta {
        name: Box::leak(format!("stage {number}").into_boxed_str()),
        line: 1,
        command: "stage",
        frames: &[],
        inlets: &[],
    };
    let stages: Vec<_> = (0..stages).map(meta).collect();
    Box::leak(Box::new(Site {
        file: "case.rs",
        stages: Box::leak(stages.into_boxed_slice()),
    }))
}
