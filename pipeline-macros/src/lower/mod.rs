//! From stages to worker groups.

mod flat;
mod journal;
mod names;
mod units;
mod weighed;

use proc_macro2::Ident;

use crate::ast::Body;
use crate::check::{Checked, Placed};
use crate::ir::{Ir, Node, Route};

/// The stages, with those that nobody writes, and how they are wired.
pub(crate) fn lower(mut checked: Checked) -> (Checked, Ir) {
    let is_segment = checked.header.is_none();
    let mut stages = without_early_drives(checked.stages);
    let is_journaled = !is_segment && checked.journal.is_some();
    if is_journaled {
        stages = journal::stages(stages);
    }
    stages = weighed::stages(stages);
    let flat::Flat {
        stages,
        inputs,
        routes,
        tees,
    } = flat::flat(stages);
    let nodes = names::names(&stages).into_iter().zip(inputs);
    let nodes = nodes.map(|(name, input)| Node { name, input });
    let ir = Ir {
        nodes: nodes.collect(),
        records: records(&stages, &routes),
        units: units::units(&stages, &routes, &tees, is_segment),
        routes,
        tees,
        is_segment,
        is_journaled,
        has_task: !is_segment && stages.iter().any(|placed| placed.after.had_task()),
    };
    checked.stages = stages;
    (checked, ir)
}

/// A `:drive` ends the pipeline; one that stands elsewhere has been reported.
fn without_early_drives(stages: Vec<Placed>) -> Vec<Placed> {
    let last = stages.len().saturating_sub(1);
    let stages = stages.into_iter().enumerate();
    let kept = stages
        .filter(|(number, placed)| *number == last || !matches!(placed.stage.body, Body::Drive(_)));
    let kept = kept.map(|(_, mut placed)| {
        for branch in &mut placed.branches {
            branch.stages = without_early_drives(std::mem::take(&mut branch.stages));
        }
        placed
    });
    kept.collect()
}

/// One record type for each list of keys.
fn records(stages: &[Placed], routes: &[Route]) -> Vec<Vec<Ident>> {
    let mut records: Vec<Vec<_>> = Vec::new();
    let arms = routes.iter().flat_map(|route| &route.arms);
    let arms = arms.filter_map(|arm| arm.keys.as_deref());
    for keys in stages.iter().map(|placed| placed.after.keys()).chain(arms) {
        if !keys.is_empty() && !records.iter().any(|record| record == keys) {
            records.push(keys.to_vec());
        }
    }
    records
}
