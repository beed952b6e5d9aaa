//! What will be wired: names, numbers and groups.

use std::ops::Range;

use proc_macro2::Ident;

/// A pipeline as worker groups.
pub(crate) struct Ir {
    /// The stages, in the order of writing.
    pub nodes: Vec<Node>,
    /// The keys of each record type.
    pub records: Vec<Vec<Ident>>,
    pub units: Vec<Unit>,
    /// Whether it has no header: failures carry no task then.
    pub is_segment: bool,
    /// Whether records carry the handle of their task.
    pub is_journaled: bool,
    /// Whether failures carry what `push_task` saved.
    pub has_task: bool,
}

/// A stage, and where it takes items from.
pub(crate) struct Node {
    pub name: String,
    /// The stage whose output it takes; none: the source, or what is in front of the segment.
    pub input: Option<usize>,
}

/// A part of the pipeline between two channels.
#[derive(Debug, PartialEq)]
pub(crate) enum Unit {
    /// Stages that run in one group of workers; `main` is the one with the directive, or the one it is named after.
    Group {
        stages: Range<usize>,
        main: usize,
        flavour: Flavour,
    },
    /// All of the pipeline, run by the consumer.
    Inline { stages: Range<usize> },
    /// A form that no worker runs, and the stages that run in its task.
    Wired { stage: usize, post: Range<usize> },
    /// `:drive`, and the stages in front of it that run in its task.
    Drive { pre: Range<usize>, stage: usize },
}

/// What a group's closure looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// A closure that returns what became of the item.
    Sync,
    /// The same, which is told what was seen before.
    Sighted,
    /// An async closure that does.
    Async,
    /// An async closure that hands outputs on one by one.
    Flat,
    /// The same, polled by the consumer.
    FlatInline,
}

impl Unit {
    /// The stage that the unit is named after.
    pub(crate) fn main(&self) -> usize {
        match self {
            Self::Group { main, .. } => *main,
            Self::Inline { stages } => stages.start,
            Self::Wired { stage, .. } | Self::Drive { stage, .. } => *stage,
        }
    }

    /// The stage whose output it hands on.
    pub(crate) fn last(&self) -> usize {
        match self {
            Self::Group { stages, .. } | Self::Inline { stages } => stages.end.saturating_sub(1),
            Self::Wired { stage, post } => post.clone().last().unwrap_or(*stage),
            Self::Drive { stage, .. } => *stage,
        }
    }
}

impl Ir {
    /// The stage whose output a stage takes.
    pub(crate) fn input(&self, stage: usize) -> Option<usize> {
        self.nodes.get(stage)?.input
    }

    /// The unit that hands on the output of a stage.
    pub(crate) fn unit_behind(&self, stage: usize) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.last() == stage)
    }

    /// The number of the record type with these keys.
    pub(crate) fn record(&self, keys: &[Ident]) -> usize {
        let position = self.records.iter().position(|record| record == keys);
        position.unwrap_or_default()
    }
}
