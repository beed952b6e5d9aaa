//! From stages to worker groups.

mod journal;
mod names;
mod units;

use proc_macro2::Ident;

use crate::ast::Body;
use crate::check::{Checked, Placed};
use crate::ir::{Ir, Node};

/// The stages, with those that nobody writes, and how they are wired.
pub(crate) fn lower(mut checked: Checked) -> (Checked, Ir) {
    let is_segment = checked.header.is_none();
    checked.stages = without_early_drives(checked.stages);
    let is_journaled = !is_segment && checked.journal.is_some();
    if is_journaled {
        checked.stages = journal::stages(checked.stages);
    }
    let stages = &checked.stages;
    let ir = Ir {
        nodes: nodes(stages),
        records: records(stages),
        units: units::units(stages, is_segment),
        is_segment,
        is_journaled,
        has_task: !is_segment && stages.iter().any(|placed| placed.after.had_task()),
    };
    (checked, ir)
}

/// A `:drive` ends the pipeline; one that stands elsewhere has been reported.
fn without_early_drives(stages: Vec<Placed>) -> Vec<Placed> {
    let last = stages.len().saturating_sub(1);
    let stages = stages.into_iter().enumerate();
    let kept = stages
        .filter(|(number, placed)| *number == last || !matches!(placed.stage.body, Body::Drive(_)));
    kept.map(|(_, placed)| placed).collect()
}

/// A line: each stage takes what the one before it hands on.
fn nodes(stages: &[Placed]) -> Vec<Node> {
    let names = names::names(stages).into_iter().enumerate();
    let nodes = names.map(|(number, name)| Node {
        name,
        input: number.checked_sub(1),
    });
    nodes.collect()
}

/// One record type for each list of keys.
fn records(stages: &[Placed]) -> Vec<Vec<Ident>> {
    let mut records: Vec<Vec<_>> = Vec::new();
    for keys in stages.iter().map(|placed| placed.after.keys()) {
        if !keys.is_empty() && !records.iter().any(|record| record == keys) {
            records.push(keys.to_vec());
        }
    }
    records
}
