//! `match`: what is matched, what each arm gets, and what comes back.

use proc_macro2::Span;
use syn::Expr;

use super::checker::Checker;
use super::placed::{Branch, Placed, returns};
use super::scope::{Back, Scope};
use super::subject::{Subject, path};
use super::walk::Walk;
use crate::ast::{Arm, Body, Match, Stage};
use crate::closure;
use crate::errors::Errors;
use crate::forms::{Form, Key, Place};
use crate::options::unordered;

impl Walk<'_> {
    /// The arms of a `match`, none of another stage; what the item is behind it.
    pub(super) fn branches(
        &mut self,
        stage: &mut Stage,
        scope: &mut Scope,
        later: &[String],
    ) -> Vec<Branch> {
        let unordered = stage.options.get(&unordered::SPEC).map(|given| given.span);
        let Body::Match(route) = &mut stage.body else {
            return Vec::new();
        };
        let subject = Subject::of(route, scope);
        self.subject(route, scope);
        let (mut branches, mut pushed) = (Vec::new(), false);
        for arm in &mut route.arms {
            self.not_taken_apart(arm, &route.value, subject, scope);
            let mut inside = self.begun(arm, &route.value, subject, scope);
            let (before, stages) = (inside.clone(), std::mem::take(&mut arm.stages));
            let returns = returns(&stages);
            pushed |= refuse(&stages, scope, self.errors);
            let stages = self.stages(stages, &mut inside, later);
            branches.push(Branch {
                before,
                stages,
                after: inside,
                returns,
            });
        }
        self.keeps_order(route, &branches, unordered.is_some());
        if let Some(span) = unordered.filter(|_| !route.lost) {
            self.changes_order(span, &branches);
        }
        if !pushed && let Some(joined) = self.joined(route, &branches, scope) {
            *scope = joined;
        }
        branches
    }

    /// In an arm whose items come back in order they may be lost, but neither multiply nor overtake each other: what waits
    /// for its turn would wait for what stands behind it.
    fn keeps_order(&mut self, route: &Match, branches: &[Branch], unordered: bool) {
        let back = branches.iter().filter(|branch| branch.returns);
        if back.clone().count() > 1 && !unordered {
            back.for_each(|branch| self.in_order(&branch.stages));
        }
        let mut all = branches.iter().flat_map(|branch| &branch.stages);
        let ends = all.any(|placed| matches!(placed.stage.body, Body::Drive(_) | Body::Match(_)));
        if branches.len() > 1 && !route.lost && !ends && branches.iter().all(|arm| !arm.returns) {
            let message = "nothing comes of this `match`: all of its arms skip";
            self.errors.at(route.word.span, message);
        }
    }

    fn changes_order(&mut self, unordered: Span, branches: &[Branch]) {
        let back = branches.iter().filter(|branch| branch.returns).count();
        let why = if branches.iter().all(Branch::is_fused) {
            "its arms are plain: they run one item after the other where the `match` stands"
        } else if back < 2 {
            "there is no order between arms where fewer than two come back"
        } else {
            return;
        };
        let message = format!("`unordered` changes nothing at this `match`; {why}, leave it out");
        self.errors.at(unordered, message);
    }

    fn in_order(&mut self, stages: &[Placed]) {
        for Placed {
            stage, branches, ..
        } in stages
        {
            let back = branches.iter().filter(|branch| branch.returns);
            let several = back.clone().count() > 1;
            back.for_each(|branch| self.in_order(&branch.stages));
            let form = stage.form().map(Form::kind);
            let why = match form.map(|kind| kind.place) {
                _ if stage.options.has(&unordered::SPEC)
                    && (several || stage.route().is_none()) =>
                {
                    "a stage that is `unordered`"
                }
                Some(Place::Multiplies) => "a stage that makes several items of one",
                Some(Place::OwnTask) => "a stage that collects items",
                Some(Place::Wired) => "a segment",
                Some(Place::Worker | Place::Sequential) | None => continue,
            };
            let message = format!(
                "{why} cannot stand in an arm whose items come back in order; write `match … {{ … }} with {{ unordered }}`"
            );
            let span = stage.form().map_or(stage.span, Form::span);
            self.errors.at(span, message);
        }
    }

    /// What is wrong with the head.
    fn subject(&mut self, route: &Match, scope: &Scope) {
        if scope.is_record() {
            if let Some(item) = &route.item {
                let message = "a record is matched by its keys: `match key { … }`";
                self.errors.at(item.span(), message);
            }
        } else if route.item.is_none() && !scope.is_vague() {
            let message = "a plain item needs a name here: `match |item| item { … }`";
            self.errors.at(route.word.span, message);
        }
        if let Some(span) = closure::own_await(&route.value) {
            let message = "a `match` waits for nothing; match what an `:async let` in front of it has written";
            self.errors.at(span, message);
        }
        let message = match route.arms.as_slice() {
            _ if route.lost => return,
            [] => "a `match` without arms takes nothing on; write `pattern => { stages }`",
            [_] => "a `match` with one arm divides nothing; write its stages without it",
            _ => return,
        };
        self.errors.at(route.word.span, message);
    }

    /// The pushed key stays whole.
    fn not_taken_apart(&mut self, arm: &Arm, value: &Expr, subject: Subject, scope: &Scope) {
        if let Some(key) = path(value)
            && subject == Subject::Key
            && scope.bottom() == Some(key)
            && let Some(binding) = arm.bindings.first()
        {
            let message = format!(
                "`{key}` was pushed, it cannot be taken apart before `pop_task`; match a clone: `match {key}.clone()`"
            );
            self.errors.at(binding.span(), message);
        }
    }

    /// What the item is where an arm begins.
    fn begun(&mut self, arm: &Arm, value: &Expr, subject: Subject, scope: &Scope) -> Scope {
        let mut inside = scope.clone();
        if let Some(guard) = &arm.guard
            && let Some(span) = closure::own_await(guard)
        {
            let message = "a guard waits for nothing; ask what an `:async let` in front of the `match` has written";
            self.errors.at(span, message);
        }
        if !scope.is_record() {
            return inside;
        }
        let mut checker = Checker {
            errors: self.errors,
            shares: self.shares,
            later: Vec::new(),
            is_async: false,
            journaled: self.journaled,
        };
        if let Some(key) = path(value)
            && subject == Subject::Key
            && !arm.bindings.is_empty()
            && scope.bottom() != Some(key)
        {
            inside.take(key);
        }
        for name in &arm.bindings {
            checker.not_shared(name);
            if checker.not_bottom(scope, name, "hidden") {
                inside.bind(name);
            }
        }
        inside
    }

    /// What the item is behind the arms that come back.
    fn joined(&mut self, route: &Match, branches: &[Branch], scope: &Scope) -> Option<Scope> {
        let arms = route.arms.iter().zip(branches);
        let back: Vec<_> = arms.filter(|(_, branch)| branch.returns).collect();
        let mut depths = back.iter().map(|(_, branch)| branch.after.depth());
        let first = depths.next()?;
        for (arm, branch) in &back {
            let depth = branch.after.depth();
            let message = if depth != first {
                "all arms come back with their record, or none does; `pop_task` behind the `match`"
            } else if depth != 0 && depth != scope.depth() {
                "a record that was pushed in front of a `match` ends behind it; `pop_task` there"
            } else {
                continue;
            };
            if !scope.is_vague() {
                self.errors.at(arm.body, message);
            }
            return None;
        }
        let back = back.into_iter().map(|(arm, branch)| Back {
            arm: &arm.text,
            scope: &branch.after,
        });
        Some(scope.joined(&back.collect::<Vec<_>>()))
    }
}

/// Whether a task is pushed, which is not done in an arm.
fn refuse(stages: &[Stage], scope: &Scope, errors: &mut Errors) -> bool {
    let forms = stages.iter().filter_map(Stage::form);
    let mut pushed = false;
    for form in forms.filter(|form| form.kind().key == Key::Item) {
        pushed = true;
        if !scope.is_vague() {
            let message = "`push_task` stands in front of a `match`, not in an arm";
            errors.at(form.span(), message);
        }
    }
    pushed
}
