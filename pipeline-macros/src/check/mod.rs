//! Everything that can be known without types.

mod checker;
mod once;
mod options;
mod placed;
mod route;
mod scope;
mod shape;
mod stage;
mod subject;
mod tee;
mod walk;

use crate::ast::{Header, Journal, Pipeline, Share};
use crate::errors::Errors;

pub(crate) use checker::Checker;
pub(crate) use placed::{Branch, Placed};
pub(crate) use scope::{Scope, list};
pub(crate) use subject::Subject;
use walk::Walk;

/// A pipeline whose stages are known to make sense, as far as there were no errors.
pub(crate) struct Checked {
    pub header: Option<Header>,
    pub journal: Option<Journal>,
    pub shares: Vec<Share>,
    pub stages: Vec<Placed>,
}

/// Checks all of it; what makes no sense at its place is reported.
pub(crate) fn check(pipeline: Pipeline, errors: &mut Errors) -> Checked {
    shape::check(&pipeline, errors);
    once::journal(&pipeline, errors);
    let shares = pipeline.shares.iter().map(|share| share.name.clone());
    let mut walk = Walk {
        errors,
        shares: &shares.collect::<Vec<_>>(),
        journaled: pipeline.journal.is_some() && pipeline.header.is_some(),
        seen: Vec::new(),
    };
    let mut scope = Scope::new(pipeline.lost);
    let stages = walk.stages(pipeline.stages, &mut scope, &[]);
    Checked {
        header: pipeline.header,
        journal: pipeline.journal,
        shares: pipeline.shares,
        stages,
    }
}
