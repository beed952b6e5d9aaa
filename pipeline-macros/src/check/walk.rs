//! From stage to stage, and into each arm and side line.

use proc_macro2::Ident;

use super::checker::Checker;
use super::placed::Placed;
use super::scope::Scope;
use super::{once, stage};
use crate::ast::{self, Body, Stage};
use crate::errors::Errors;
use crate::forms::Form;

/// On its way from stage to stage, and into each arm and side line.
pub(super) struct Walk<'a> {
    pub(super) errors: &'a mut Errors,
    pub(super) shares: &'a [Ident],
    pub(super) journaled: bool,
    pub(super) seen: Vec<once::Written>,
}

impl Walk<'_> {
    /// `later` are keys that are written behind these stages.
    pub(super) fn stages(
        &mut self,
        stages: Vec<Stage>,
        scope: &mut Scope,
        later: &[String],
    ) -> Vec<Placed> {
        let later: Vec<Vec<String>> = (1..=stages.len())
            .map(|next| [&written(&stages[next..]), later].concat())
            .collect();
        let stages = stages.into_iter().zip(later);
        stages
            .map(|(stage, later)| self.stage(stage, scope, later))
            .collect()
    }

    fn stage(&mut self, mut stage: Stage, scope: &mut Scope, later: Vec<String>) -> Placed {
        let before = scope.clone();
        let branches = match stage.body {
            Body::Tee(_) => self.side_line(&mut stage, scope, &later),
            _ => self.branches(&mut stage, scope, &later),
        };
        let mut checker = Checker {
            errors: self.errors,
            shares: self.shares,
            later,
            is_async: stage.is_async(),
            journaled: self.journaled,
        };
        once::keys(&stage, scope, &mut self.seen, checker.errors);
        once::token(&stage, scope, self.shares, checker.errors);
        stage::check(&stage, scope, &mut checker);
        Placed {
            stage,
            before,
            after: scope.clone(),
            branches,
        }
    }
}

/// The keys that these stages write.
fn written(stages: &[Stage]) -> Vec<String> {
    let all = ast::all(stages).into_iter();
    let forms = all.filter_map(Stage::form);
    forms
        .flat_map(Form::writes)
        .map(ToString::to_string)
        .collect()
}
