//! Stages where they stand.

use super::scope::Scope;
use crate::ast::{Body, Stage};
use crate::forms::{Place, skip};

/// A stage, and what the item is before and after it.
pub(crate) struct Placed {
    pub stage: Stage,
    pub before: Scope,
    pub after: Scope,
    /// Those of a `match`, in the order of writing; of a `tee` the side line.
    pub branches: Vec<Branch>,
}

/// An arm or a side line, and what the item is in it.
pub(crate) struct Branch {
    /// Where it begins.
    pub before: Scope,
    pub stages: Vec<Placed>,
    /// Where it ends.
    pub after: Scope,
    /// Whether items come back from it.
    pub returns: bool,
}

impl Branch {
    /// Whether all of the arm runs in the worker of its `match`.
    pub(crate) fn is_fused(&self) -> bool {
        self.stages.iter().all(Placed::is_plain)
    }
}

impl Placed {
    fn is_plain(&self) -> bool {
        match &self.stage.body {
            Body::Drive(_) | Body::Tee(_) => false,
            Body::Match(_) => self.branches.iter().all(Branch::is_fused),
            Body::Form(form) => {
                form.kind().place == Place::Worker && !Stage::is_annotated(&self.stage)
            }
        }
    }
}

/// Whether items come out behind these stages.
pub(super) fn returns(stages: &[Stage]) -> bool {
    match stages.last() {
        None => true,
        Some(last) => match &last.body {
            Body::Drive(_) => false,
            Body::Form(_) => !skip::is_all(stages),
            Body::Tee(_) => true,
            Body::Match(route) => route.arms.iter().any(|arm| returns(&arm.stages)),
        },
    }
}
