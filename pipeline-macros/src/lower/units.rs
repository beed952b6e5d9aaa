//! Where the stages are cut into units.

use std::ops::Range;

use crate::check::Placed;
use crate::directive::Mode;
use crate::forms::Place;
use crate::ir::{Flavour, Route, Tee, Unit};
use crate::options::{by, unordered};

/// The units of a pipeline, or of a segment, in the order in which they are wired.
pub(super) fn units(
    stages: &[Placed],
    routes: &[Route],
    tees: &[Tee],
    is_segment: bool,
) -> Vec<Unit> {
    let lowering = Lowering {
        stages,
        routes,
        tees,
        is_segment,
    };
    lowering.units(0..stages.len(), false)
}

struct Lowering<'a> {
    stages: &'a [Placed],
    routes: &'a [Route],
    tees: &'a [Tee],
    is_segment: bool,
}

impl Lowering<'_> {
    /// Cuts the pipeline, or an arm, at the stages that end a group, and the runs between them at the annotated stages.
    fn units(&self, stages: Range<usize>, in_arm: bool) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut at = stages.start;
        while at < stages.end {
            let run = at..self.end_of_run(at, stages.end);
            if let Some(route) = self.divides(&run) {
                self.run(run, &mut units);
                units.push(self.arms(route));
                at = route.end;
                continue;
            }
            if let Some(tee) = self.copies(&run) {
                self.run(run, &mut units);
                units.push(Unit::Side {
                    stage: tee.stage,
                    units: self.units(tee.side.clone(), true),
                });
                at = tee.side.end;
                continue;
            }
            let next = run.end;
            if next == stages.end {
                self.tail(run, in_arm, &mut units);
                break;
            }
            if self.mode(next) == Mode::Drive {
                self.drive(run, next, &mut units);
                break;
            }
            self.run(run, &mut units);
            let post = self.post(next, stages.end);
            at = post.end;
            units.push(Unit::Wired { stage: next, post });
        }
        units
    }

    fn route(&self, stage: usize) -> Option<&Route> {
        self.routes.iter().find(|route| route.stage == stage)
    }

    /// The `match` with whose arms the run ends, where they are more than plain stages.
    fn divides(&self, run: &Range<usize>) -> Option<&Route> {
        let mut routes = self.routes.iter().filter(|route| !route.fused);
        routes.find(|route| run.contains(&route.stage))
    }

    /// The `tee` that the run ends with.
    fn copies(&self, run: &Range<usize>) -> Option<&Tee> {
        self.tees.iter().find(|tee| run.contains(&tee.stage))
    }

    fn is_tee(&self, stage: usize) -> bool {
        self.tees.iter().any(|tee| tee.stage == stage)
    }

    fn arms(&self, route: &Route) -> Unit {
        let arms = route.arms.iter().enumerate();
        let own = arms.filter(|(_, arm)| arm.fused.is_none());
        Unit::Arms {
            stage: route.stage,
            arms: own
                .map(|(number, arm)| (number, self.units(arm.stages.clone(), true)))
                .collect(),
        }
    }

    fn mode(&self, stage: usize) -> Mode {
        self.stages[stage].stage.mode()
    }

    fn place(&self, stage: usize) -> Option<Place> {
        let form = self.stages[stage].stage.form();
        form.map(|form| form.kind().place)
            .or_else(|| self.route(stage).map(|_| Place::Worker))
            .or_else(|| self.is_tee(stage).then_some(Place::Worker))
    }

    fn multiplies(&self, stage: usize) -> bool {
        self.place(stage) == Some(Place::Multiplies)
    }

    fn is_annotated(&self, stage: usize) -> bool {
        self.stages[stage].stage.is_annotated()
    }

    /// Where the group of an annotated stage ends, at the latest at `end`. Where a stage keeps the order and has `by`, it is
    /// in front of what multiplies: outputs that wait for their turn keep their places, and might be in the way of what
    /// they wait for.
    fn end_of_own(&self, main: usize, end: usize) -> usize {
        let options = &self.stages[main].stage.options;
        if !self.is_keyed(main) || options.has(&unordered::SPEC) {
            return end;
        }
        let mut behind = main + 1..end;
        behind.find(|stage| self.multiplies(*stage)).unwrap_or(end)
    }

    fn is_keyed(&self, stage: usize) -> bool {
        self.stages[stage].stage.options.has(&by::SPEC)
    }

    /// The first stage from `at` on that runs in no worker, or that is in an arm with workers of its own, or behind a `tee`,
    /// up to `end`.
    fn end_of_run(&self, mut at: usize, end: usize) -> usize {
        while at < end && matches!(self.place(at), Some(Place::Worker | Place::Multiplies)) {
            match self.route(at) {
                None if self.is_tee(at) => return at + 1,
                None => at += 1,
                Some(route) if route.fused => at = route.end,
                Some(route) => return route.fused_end(),
            }
        }
        at
    }

    /// The last stages of a pipeline without `:drive`.
    fn tail(&self, run: Range<usize>, in_arm: bool, units: &mut Vec<Unit>) {
        let whole = run.start == 0 && !self.is_segment && !in_arm;
        if !whole || run.clone().any(|stage| self.is_annotated(stage)) {
            return self.run(run, units);
        }
        units.push(match run.clone().find(|stage| self.multiplies(*stage)) {
            None => Unit::Inline { stages: run },
            Some(main) => Unit::Group {
                stages: run,
                main,
                flavour: Flavour::FlatInline,
            },
        });
    }

    /// The stages in front of `:drive`.
    fn drive(&self, run: Range<usize>, stage: usize, units: &mut Vec<Unit>) {
        let needs_group = |stage: usize| self.is_annotated(stage) || self.multiplies(stage);
        let pre = if run.clone().any(needs_group) {
            run.end..run.end
        } else {
            run.clone()
        };
        if pre.start > run.start {
            self.run(run.start..pre.start, units);
        }
        units.push(Unit::Drive { pre, stage });
    }

    /// The plain stages behind a form with a task of its own run in it, up to one that multiplies.
    fn post(&self, wired: usize, end: usize) -> Range<usize> {
        let start = wired + 1;
        if !self.place(wired).is_some_and(Place::is_task) {
            return start..start;
        }
        let plain = |stage: &usize| !self.is_annotated(*stage) && !self.multiplies(*stage);
        let run = start..self.end_of_run(start, end);
        let divides = self.divides(&run).map(|route| route.stage);
        let divides = divides.or(self.copies(&run).map(|tee| tee.stage));
        let mut run = start..divides.unwrap_or(run.end);
        let end = run.find(|stage| !plain(stage)).unwrap_or(run.end);
        start..end
    }

    /// Each annotated stage takes in what follows it. The plain stages at the head go into the first one; but up to
    /// the last that multiplies they have a task of their own, for the count means outputs, not inputs; and so have all of
    /// them in front of a stage with `by`, which is asked of the item as it comes to that stage.
    fn run(&self, run: Range<usize>, units: &mut Vec<Unit>) {
        let annotated: Vec<usize> = run
            .clone()
            .filter(|stage| self.is_annotated(*stage))
            .collect();
        let head = run.start..annotated.first().copied().unwrap_or(run.end);
        let begins = annotated.first().is_some_and(|first| self.is_keyed(*first));
        let alone = if annotated.is_empty() || begins {
            head
        } else {
            let last = head.clone().rev().find(|stage| self.multiplies(*stage));
            head.start..last.map_or(head.start, |last| last + 1)
        };
        let mut start = alone.end;
        if !alone.is_empty() {
            let main = alone.clone().find(|stage| self.multiplies(*stage));
            units.push(self.group(main.unwrap_or(alone.start), alone));
        }
        for (position, main) in annotated.iter().enumerate() {
            let end = annotated.get(position + 1).copied().unwrap_or(run.end);
            let own = start..self.end_of_own(*main, end);
            let rest = own.end..end;
            units.push(self.group(*main, own));
            if !rest.is_empty() {
                units.push(self.group(rest.start, rest));
            }
            start = end;
        }
    }

    fn group(&self, main: usize, stages: Range<usize>) -> Unit {
        let flavour = if stages.clone().any(|stage| self.multiplies(stage)) {
            Flavour::Flat
        } else if matches!(self.mode(main), Mode::Async | Mode::Journal) {
            Flavour::Async
        } else {
            Flavour::Sync
        };
        Unit::Group {
            stages,
            main,
            flavour,
        }
    }
}
