//! Everything that can be known without types.

mod checker;
mod once;
mod options;
mod scope;
mod shape;
mod stage;

use proc_macro2::Ident;

use crate::ast::{Header, Journal, Pipeline, Share, Stage};
use crate::errors::Errors;

pub(crate) use checker::Checker;
pub(crate) use scope::{Scope, list};

/// A pipeline whose stages are known to make sense, as far as there were no errors.
pub(crate) struct Checked {
    pub header: Option<Header>,
    pub journal: Option<Journal>,
    pub shares: Vec<Share>,
    pub stages: Vec<Placed>,
}

/// A stage, and what the item is before and after it.
pub(crate) struct Placed {
    pub stage: Stage,
    pub before: Scope,
    pub after: Scope,
}

/// Checks all of it; what makes no sense at its place is reported.
pub(crate) fn check(pipeline: Pipeline, errors: &mut Errors) -> Checked {
    shape::check(&pipeline, errors);
    once::journal(&pipeline, errors);
    let journaled = pipeline.journal.is_some() && pipeline.header.is_some();
    let later: Vec<Vec<String>> = (1..=pipeline.stages.len())
        .map(|next| written(&pipeline.stages[next..]))
        .collect();
    let shares: Vec<Ident> = pipeline
        .shares
        .iter()
        .map(|share| share.name.clone())
        .collect();
    let mut scope = Scope::new(pipeline.lost);
    let (mut stages, mut seen) = (Vec::new(), Vec::new());
    for (stage, later) in pipeline.stages.into_iter().zip(later) {
        let before = scope.clone();
        let mut checker = Checker {
            errors,
            shares: &shares,
            later,
            is_async: stage.is_async(),
            journaled,
        };
        once::keys(&stage, &scope, &mut seen, checker.errors);
        once::token(&stage, &scope, &shares, checker.errors);
        stage::check(&stage, &mut scope, &mut checker);
        let after = scope.clone();
        stages.push(Placed {
            stage,
            before,
            after,
        });
    }
    Checked {
        header: pipeline.header,
        journal: pipeline.journal,
        shares: pipeline.shares,
        stages,
    }
}

/// The keys that these stages write.
fn written(stages: &[Stage]) -> Vec<String> {
    let forms = stages.iter().filter_map(Stage::form);
    forms
        .flat_map(|form| form.writes())
        .map(ToString::to_string)
        .collect()
}
