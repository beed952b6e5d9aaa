//! Stages where they stand.

use super::scope::Scope;
use crate::ast::{Body, Stage};
use crate::forms::skip;

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
