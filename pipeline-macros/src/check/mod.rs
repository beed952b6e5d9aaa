//! Everything that can be known without types.

mod once;
mod options;
mod scope;
mod shape;
mod stage;

use proc_macro2::{Ident, Span};

use crate::ast::{Directive, Header, Journal, Pipeline, Share, Stage};
use crate::errors::Errors;
use crate::forms::commit;
use crate::nearest::nearest;

pub(crate) use scope::{Scope, list};

/// A pipeline whose stages are known to make sense, as far as there were no errors.
pub(crate) struct Checked {
    pub header: Option<Header>,
    pub journal: Option<Journal>,
    pub shares: Vec<Share>,
    pub stages: Vec<Item>,
}

/// A stage, and what the item is before and after it.
pub(crate) struct Item {
    pub stage: Stage,
    pub before: Scope,
    pub after: Scope,
}

/// Checks all of it; what makes no sense at its place is reported and left out.
pub(crate) fn check(mut pipeline: Pipeline, errors: &mut Errors) -> Checked {
    shape::check(&mut pipeline, errors);
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
    for (mut stage, later) in pipeline.stages.into_iter().zip(later) {
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
        if journaled && !before.is_record() && scope.is_record() {
            // What is recorded of the task is loaded here.
            stage.directive = Some(Directive::journal(stage.span));
        }
        let commit = journaled.then(|| commit::behind(&stage)).flatten();
        let after = scope.clone();
        stages.push(Item {
            stage,
            before,
            after: after.clone(),
        });
        stages.extend(commit.map(|stage| Item {
            stage,
            before: after.clone(),
            after,
        }));
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

/// What a form's check reports to, and what it may ask.
pub(crate) struct Checker<'a> {
    pub errors: &'a mut Errors,
    pub is_async: bool,
    /// Whether there is a journal.
    pub journaled: bool,
    shares: &'a [Ident],
    later: Vec<String>,
}

impl Checker<'_> {
    /// Whether there is a record here; if not, that is an error.
    pub(crate) fn in_record(&mut self, scope: &Scope, span: Span, what: &str) -> bool {
        if scope.is_record() {
            return true;
        }
        if !scope.is_vague() {
            let fix = if scope.had_task() {
                "it ended above, move this stage up"
            } else {
                "begin one with `push_task(key)`"
            };
            self.errors
                .at(span, format!("`{what}` needs a record; {fix}"));
        }
        false
    }

    /// Whether the key exists here; if not, that is an error.
    pub(crate) fn reads(&mut self, scope: &Scope, key: &Ident) -> bool {
        if scope.has(key) {
            return true;
        }
        if !scope.is_vague() {
            let word = key.to_string();
            let names = scope.names();
            let meant = nearest(&word, names.iter().map(String::as_str));
            let hint = match meant {
                _ if self.later.contains(&word) => "it is written by a later stage".to_owned(),
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", list(scope.keys())),
            };
            self.errors
                .at(key.span(), format!("no key `{word}` here; {hint}"));
        }
        false
    }

    /// Reports a key that has the name of a `use`.
    pub(crate) fn not_shared(&mut self, key: &Ident) {
        if self.shares.contains(key) {
            let message = format!("`{key}` is the name of a `use`; choose another key");
            self.errors.at(key.span(), message);
        }
    }

    /// Whether the key is not the task; if it is, that is an error.
    pub(crate) fn not_bottom(&mut self, scope: &Scope, key: &Ident, how: &str) -> bool {
        if scope.bottom() != Some(key) {
            return true;
        }
        let message =
            format!("`{key}` was pushed, it cannot be {how} before `pop_task`; write another key");
        self.errors.at(key.span(), message);
        false
    }
}
