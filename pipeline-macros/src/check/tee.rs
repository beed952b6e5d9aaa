//! `tee`: what the side line gets, and what it may be.

use syn::Expr;

use super::placed::{Branch, returns};
use super::scope::Scope;
use super::subject::path;
use super::walk::Walk;
use crate::ast::{self, Body, Stage, Tee};
use crate::closure;
use crate::directive::Mode;
use crate::forms::Key;
use crate::options::{buffer, lossy, once};

impl Walk<'_> {
    /// The side line of a `tee`.
    pub(super) fn side_line(
        &mut self,
        stage: &mut Stage,
        scope: &Scope,
        later: &[String],
    ) -> Vec<Branch> {
        let Body::Tee(tee) = &mut stage.body else {
            return Vec::new();
        };
        self.made(tee, scope);
        self.ends(tee);
        if stage.options.has(&lossy::SPEC) {
            self.waits_for_nothing_else(tee);
        }
        for stage in ast::all(&tee.stages) {
            self.asks_for_no_task(stage);
        }
        let mut inside = scope.beside();
        let before = inside.clone();
        let stages = std::mem::take(&mut tee.stages);
        let stages = self.stages(stages, &mut inside, later);
        vec![Branch {
            before,
            stages,
            after: inside,
            returns: false,
        }]
    }

    /// What the side line gets.
    fn made(&mut self, tee: &Tee, scope: &Scope) {
        let vague = scope.is_vague();
        let Some(value) = &tee.value else {
            if scope.is_record() && scope.keys().len() < 2 && !vague {
                let task = &scope.keys()[0];
                let message = format!(
                    "there is nothing in the record but its task, which is not cloned; write what the side line gets: `tee {task}.clone() {{ … }}`"
                );
                self.errors.at(tee.word.span(), message);
            }
            return;
        };
        if !scope.is_record() && tee.item.is_none() && !vague {
            let message = "a plain item needs a name here: `tee |item| item.clone() { … }`";
            self.errors.at(tee.word.span(), message);
        }
        if let Some(span) = closure::own_await(value) {
            let message = "a `tee` waits for nothing; wait in its side line: `tee { :async map(f), :drive sink }`";
            self.errors.at(span, message);
        }
        let lent = match value {
            Expr::Reference(reference) => Some((reference.and_token.span, None)),
            value => path(value)
                .filter(|name| match &tee.item {
                    Some(item) => item == *name,
                    None => scope.has(name),
                })
                .map(|name| (name.span(), Some(name))),
        };
        if let Some((span, name)) = lent {
            let clone =
                name.map_or_else(|| "….clone()".to_owned(), |name| format!("{name}.clone()"));
            let message = format!(
                "the side line gets what is its own, and this is lent; clone it: `{clone}`"
            );
            self.errors.at(span, message);
        }
    }

    fn ends(&mut self, tee: &Tee) {
        // One that stands elsewhere is told where it belongs.
        let drives = |stage: &Stage| stage.mode() == Mode::Drive;
        if tee.lost || !returns(&tee.stages) || tee.stages.iter().any(drives) {
            return;
        }
        let at = tee.stages.last().map_or(tee.braces, |stage| stage.span);
        let message = "a side line ends in `:drive`; what goes on stands behind the `tee`";
        self.errors.at(at, message);
    }

    /// What waits in front of a lossy side line is what `lossy` says.
    fn waits_for_nothing_else(&mut self, tee: &Tee) {
        let first = tee.stages.first();
        if let Some(buffer) = first.and_then(|first| first.options.get(&buffer::SPEC)) {
            let message = "what may wait in front of a lossy side line is what its `lossy` says; leave `buffer` out";
            self.errors.at(buffer.span, message);
        }
    }

    fn asks_for_no_task(&mut self, stage: &Stage) {
        if let Some(once) = stage.options.get(&once::SPEC) {
            let message = "a task waits in one place for what `once` records; write this stage in front of the `tee`";
            self.errors.at(once.span, message);
        }
        if let Some(form) = stage.form().filter(|form| form.kind().key == Key::Item) {
            let message = "`push_task` stands in front of a `tee`, not in its side line";
            self.errors.at(form.span(), message);
        }
    }
}
