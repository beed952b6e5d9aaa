//! Stages in one list: those in the arms of a `match`, or in the side line of a `tee`, behind it.

use crate::check::{Branch, Placed};
use crate::ir::{self, Input, Route, Tee};
use crate::options::unordered;

/// The stages with their numbers.
#[derive(Default)]
pub(super) struct Flat {
    pub(super) stages: Vec<Placed>,
    /// Where each takes items from.
    pub(super) inputs: Vec<Input>,
    pub(super) routes: Vec<Route>,
    pub(super) tees: Vec<Tee>,
}

pub(super) fn flat(stages: Vec<Placed>) -> Flat {
    let mut list = List::default();
    list.add(stages, Input::Source);
    list.flat
}

#[derive(Default)]
struct List {
    flat: Flat,
    /// The arms so far that run where their `match` does.
    fused: usize,
}

impl List {
    fn add(&mut self, stages: Vec<Placed>, mut input: Input) {
        for mut placed in stages {
            let number = self.flat.stages.len();
            let branches = std::mem::take(&mut placed.branches);
            let patterns = placed.stage.arms().iter().map(|arm| arm.text.clone());
            let patterns = patterns.collect();
            let is_route = placed.stage.route().is_some();
            let unordered = placed.stage.options.has(&unordered::SPEC);
            let is_tee = placed.stage.tee().is_some();
            self.flat.stages.push(placed);
            self.flat.inputs.push(input);
            if is_route {
                self.route(number, branches, patterns, !unordered);
            } else if is_tee {
                self.tee(number, branches);
            }
            input = Input::Stage(number);
        }
    }

    fn tee(&mut self, stage: usize, branches: Vec<Branch>) {
        let start = self.flat.stages.len();
        for side in branches {
            self.add(side.stages, Input::Side { of: stage });
        }
        let side = start..self.flat.stages.len();
        self.flat.tees.push(Tee { stage, side });
    }

    /// The arms that run where the `match` does come first: so the stages of a group are numbered one after the other.
    fn route(&mut self, stage: usize, branches: Vec<Branch>, patterns: Vec<String>, ordered: bool) {
        let is_fused: Vec<_> = branches.iter().map(Branch::is_fused).collect();
        let fused = is_fused.iter().all(|fused| *fused);
        let mut arms: Vec<_> = branches
            .into_iter()
            .zip(patterns)
            .zip(is_fused)
            .enumerate()
            .collect();
        arms.sort_by_key(|(_, (_, fused))| !fused);
        let mut numbered: Vec<_> = arms
            .into_iter()
            .map(|(arm, ((branch, pattern), fused))| {
                let number = fused.then_some(self.fused);
                self.fused += usize::from(fused);
                let start = self.flat.stages.len();
                self.add(branch.stages, Input::Arm { of: stage, arm });
                let branch = ir::Branch {
                    keys: branch
                        .before
                        .is_record()
                        .then(|| branch.before.keys().to_vec()),
                    stages: start..self.flat.stages.len(),
                    returns: branch.returns,
                    fused: number,
                    pattern,
                };
                (arm, branch)
            })
            .collect();
        numbered.sort_by_key(|(arm, _)| *arm);
        let back = numbered.iter().filter(|(_, arm)| arm.returns).count();
        self.flat.routes.push(Route {
            ordered: ordered && back > 1,
            stage,
            arms: numbered.into_iter().map(|(_, arm)| arm).collect(),
            end: self.flat.stages.len(),
            fused,
        });
    }
}
