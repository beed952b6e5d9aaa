//! From stages to worker groups.

use std::ops::Range;

use crate::ast::Body;
use crate::check::{Checked, Item};
use crate::directive::Mode;
use crate::forms::Place;
use crate::ir::{Flavour, Ir, Unit};
use crate::options;
use crate::syntax::last_name;

pub(crate) fn lower(checked: &Checked) -> Ir {
    let stages = &checked.stages;
    let is_segment = checked.header.is_none();
    Ir {
        names: names(stages),
        records: records(stages),
        units: Lowering { stages, is_segment }.units(),
        is_segment,
        is_journaled: !is_segment && checked.journal.is_some(),
        has_task: !is_segment && stages.iter().any(|item| item.after.had_task()),
    }
}

/// Every stage's name; a default that is taken gets `#2`, `#3`.
fn names(stages: &[Item]) -> Vec<String> {
    let given = |item: &Item| options::name::of(&item.stage.options).map(syn::LitStr::value);
    let mut taken: Vec<String> = stages.iter().filter_map(given).collect();
    stages
        .iter()
        .map(|item| given(item).unwrap_or_else(|| unused(&default_name(item), &mut taken)))
        .collect()
}

fn default_name(item: &Item) -> String {
    let name = match &item.stage.body {
        Body::Form(form) => form.name().unwrap_or_else(|| form.kind().name.to_owned()),
        Body::Drive(sink) => match **sink {
            syn::Expr::Path(_) => last_name(sink).map(ToString::to_string),
            _ => None,
        }
        .unwrap_or_else(|| "sink".to_owned()),
    };
    name.trim_start_matches("r#").to_owned()
}

fn unused(name: &str, taken: &mut Vec<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| !taken.contains(candidate));
    let free = free.unwrap_or_default();
    taken.push(free.clone());
    free
}

/// One record type for each list of keys.
fn records(stages: &[Item]) -> Vec<Vec<proc_macro2::Ident>> {
    let mut records: Vec<Vec<_>> = Vec::new();
    for keys in stages.iter().map(|item| item.after.keys()) {
        if !keys.is_empty() && !records.iter().any(|record| record == keys) {
            records.push(keys.to_vec());
        }
    }
    records
}

struct Lowering<'a> {
    stages: &'a [Item],
    is_segment: bool,
}

impl Lowering<'_> {
    /// Cuts the pipeline at the stages that end a group, and the runs between them at the annotated stages.
    fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut at = 0;
        while at < self.stages.len() {
            let run = at..self.end_of_run(at);
            let next = run.end;
            if next == self.stages.len() {
                self.tail(run, &mut units);
                break;
            }
            if self.mode(next) == Mode::Drive {
                self.drive(run, next, &mut units);
                break;
            }
            self.run(run, &mut units);
            let post = self.post(next);
            at = post.end;
            units.push(Unit::Edge { stage: next, post });
        }
        units
    }

    fn mode(&self, stage: usize) -> Mode {
        self.stages[stage].stage.mode()
    }

    fn place(&self, stage: usize) -> Option<Place> {
        self.stages[stage]
            .stage
            .form()
            .map(|form| form.kind().place)
    }

    fn multiplies(&self, stage: usize) -> bool {
        self.place(stage) == Some(Place::Multiplies)
    }

    fn is_annotated(&self, stage: usize) -> bool {
        self.stages[stage].stage.is_annotated()
    }

    /// The first stage from `at` on that runs in no worker.
    fn end_of_run(&self, at: usize) -> usize {
        let in_worker =
            |stage: &usize| matches!(self.place(*stage), Some(Place::Worker | Place::Multiplies));
        (at..self.stages.len())
            .take_while(in_worker)
            .last()
            .map_or(at, |last| last + 1)
    }

    /// The last stages of a pipeline without `:drive`.
    fn tail(&self, run: Range<usize>, units: &mut Vec<Unit>) {
        let whole = run.start == 0 && !self.is_segment;
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

    /// The plain stages behind `batch` run in its task, up to one that multiplies.
    fn post(&self, edge: usize) -> Range<usize> {
        let start = edge + 1;
        if self.place(edge) != Some(Place::OwnTask) {
            return start..start;
        }
        let plain = |stage: &usize| !self.is_annotated(*stage) && !self.multiplies(*stage);
        let end = (start..self.end_of_run(start)).take_while(plain).last();
        start..end.map_or(start, |last| last + 1)
    }

    /// Each annotated stage takes in what follows it. The plain stages at the head go into the first one; but up to
    /// the last that multiplies they have a task of their own, for the count means outputs, not inputs.
    fn run(&self, run: Range<usize>, units: &mut Vec<Unit>) {
        let annotated: Vec<usize> = run
            .clone()
            .filter(|stage| self.is_annotated(*stage))
            .collect();
        let head = run.start..annotated.first().copied().unwrap_or(run.end);
        let alone = if annotated.is_empty() {
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
            units.push(self.group(*main, start..end));
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
