//! What will be wired: names, numbers and groups.

use std::ops::Range;

use proc_macro2::Ident;

/// A pipeline as worker groups.
pub(crate) struct Ir {
    /// The stages, in the order of writing; those in the arms of a `match` are behind it, and of these first the ones that
    /// run where the `match` does; and those in the side line of a `tee` behind that.
    pub nodes: Vec<Node>,
    pub routes: Vec<Route>,
    pub tees: Vec<Tee>,
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
    pub input: Input,
}

/// Where a stage takes items from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The source, or what is in front of the segment.
    Source,
    /// What this stage hands on.
    Stage(usize),
    /// An arm of this `match`.
    Arm { of: usize, arm: usize },
    /// The side line of this `tee`.
    Side { of: usize },
}

/// A `match`.
pub(crate) struct Route {
    pub stage: usize,
    /// In the order of writing.
    pub arms: Vec<Branch>,
    /// The first stage behind its arms.
    pub end: usize,
    /// Whether all arms run in the worker of the `match`.
    pub fused: bool,
    /// Whether what comes back from several arms comes back in order.
    pub ordered: bool,
}

/// An arm of a `match`.
pub(crate) struct Branch {
    /// The keys of the record where it begins; none: a plain item.
    pub keys: Option<Vec<Ident>>,
    pub stages: Range<usize>,
    /// Whether items come back from it.
    pub returns: bool,
    /// Where it runs in the worker of the `match`: its number among all that do so.
    pub fused: Option<usize>,
    /// How it is written.
    pub pattern: String,
}

/// A `tee`.
pub(crate) struct Tee {
    pub stage: usize,
    /// The stages of its side line, which are behind it.
    pub side: Range<usize>,
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
    /// The arms of a `match` that are more than plain stages: the number of each, and its units.
    Arms {
        stage: usize,
        arms: Vec<(usize, Vec<Unit>)>,
    },
    /// The side line of a `tee`.
    Side { stage: usize, units: Vec<Unit> },
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
            Self::Wired { stage, .. }
            | Self::Drive { stage, .. }
            | Self::Arms { stage, .. }
            | Self::Side { stage, .. } => *stage,
        }
    }

    /// All of its stages; not those of arms and side lines, which have units of their own.
    pub(crate) fn stages(&self) -> Range<usize> {
        match self {
            Self::Group { stages, .. } | Self::Inline { stages } => stages.clone(),
            Self::Wired { stage, post } => *stage..post.end.max(stage + 1),
            Self::Drive { pre, stage } => pre.start.min(*stage)..stage + 1,
            Self::Arms { stage, .. } | Self::Side { stage, .. } => *stage..*stage,
        }
    }
}

impl Ir {
    /// Where a stage takes items from.
    pub(crate) fn input(&self, stage: usize) -> Input {
        self.nodes
            .get(stage)
            .map_or(Input::Source, |node| node.input)
    }

    /// What is known of a stage that is a `match`.
    pub(crate) fn route(&self, stage: usize) -> Option<&Route> {
        self.routes.iter().find(|route| route.stage == stage)
    }

    /// What is known of a stage that is a `tee`.
    pub(crate) fn tee(&self, stage: usize) -> Option<&Tee> {
        self.tees.iter().find(|tee| tee.stage == stage)
    }

    /// The stage behind this one, and behind the arms or the side line that it has.
    pub(crate) fn behind(&self, stage: usize) -> usize {
        let route = self.route(stage).map(|route| route.end);
        let tee = self.tee(stage).map(|tee| tee.side.end);
        route.or(tee).unwrap_or(stage + 1)
    }

    /// The last of these stages, which may be a `match` with arms.
    pub(crate) fn last(&self, stages: &Range<usize>) -> Option<usize> {
        let next = |stage: &usize| Some(self.behind(*stage));
        let all = std::iter::successors(Some(stages.start), next);
        all.take_while(|stage| stages.contains(stage)).last()
    }

    /// The numbers of the arms that run in the worker of these stages.
    pub(crate) fn arms(&self, stages: &Range<usize>) -> Range<usize> {
        let routes = self
            .routes
            .iter()
            .filter(|route| stages.contains(&route.stage));
        let arms = routes
            .flat_map(|route| &route.arms)
            .filter_map(|arm| arm.fused);
        let (first, last) = (arms.clone().min(), arms.max());
        first.unwrap_or(0)..last.map_or(0, |last| last + 1)
    }

    /// The unit that a stage runs in.
    pub(crate) fn unit_of(&self, stage: usize) -> Option<&Unit> {
        unit_of(&self.units, stage)
    }

    /// The `match` whose arm hands on what this stage makes, if it is the last in an arm that comes back.
    pub(crate) fn ends_arm_of(&self, stage: usize) -> Option<&Route> {
        self.routes.iter().find(|route| {
            let mut back = route.arms.iter().filter(|arm| arm.returns);
            back.any(|arm| self.last(&arm.stages) == Some(stage))
        })
    }

    /// The number of the record type with these keys.
    pub(crate) fn record(&self, keys: &[Ident]) -> usize {
        let position = self.records.iter().position(|record| record == keys);
        position.unwrap_or_default()
    }
}

fn unit_of(units: &[Unit], stage: usize) -> Option<&Unit> {
    units.iter().find_map(|unit| match unit {
        Unit::Arms { arms, .. } => arms.iter().find_map(|(_, units)| unit_of(units, stage)),
        Unit::Side { units, .. } => unit_of(units, stage),
        unit => unit.stages().contains(&stage).then_some(unit),
    })
}

impl Route {
    /// The arms that have a lane, by their numbers: all that do not end in the worker of the `match`.
    pub(crate) fn lanes(&self) -> Vec<usize> {
        let lanes = self.arms.iter().enumerate();
        let lanes = lanes.filter(|(_, arm)| arm.returns || arm.fused.is_none());
        lanes.map(|(arm, _)| arm).collect()
    }

    /// Whether items come back from any arm.
    pub(crate) fn returns(&self) -> bool {
        self.arms.iter().any(|arm| arm.returns)
    }

    /// The stage behind it and those of its arms that run in its worker.
    pub(crate) fn fused_end(&self) -> usize {
        let fused = self.arms.iter().filter(|arm| arm.fused.is_some());
        let ends = fused.map(|arm| arm.stages.end);
        ends.max().unwrap_or(0).max(self.stage + 1)
    }
}
