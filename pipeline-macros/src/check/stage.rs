//! One stage: its directive, its `?`, its function.

use super::{Checker, Scope, options};
use crate::ast::{Body, Stage};
use crate::closure;
use crate::directive::{Count, Directive, Mode};
use crate::forms::Form;
use crate::forms::by::By;
use crate::options::{by, weight};

pub(super) fn check(stage: &Stage, scope: &mut Scope, checker: &mut Checker<'_>) {
    if let Some(form) = stage.form() {
        directive(stage, form, checker);
        question(stage, form, checker);
        function(form, checker);
        if let Some(by) = stage.options.expr(&by::SPEC) {
            By::new(by.clone()).check(scope, checker);
        }
        let weight = stage.options.expr(&weight::SPEC).cloned().map(By::weight);
        let (of_items, of_outputs) = match weight {
            Some(weight) if weight::is_of_outputs(form.kind().name) => (None, Some(weight)),
            weight => (weight, None),
        };
        if let Some(weight) = of_items {
            weight.check(scope, checker);
        }
        form.options(&stage.options, scope, checker);
        form.check(scope, checker);
        if let Some(weight) = of_outputs {
            weight.check(scope, checker);
        }
    } else if let Some(question) = stage.question {
        let message = match stage.body {
            Body::Tee(_) => "a `tee` takes no `?`; its expression may have one, as its stages",
            _ => "a `match` takes no `?`; the stages in its arms have their own",
        };
        checker.errors.at(question, message);
    }
    options::check(stage, checker.errors);
}

/// Not every form can have workers.
fn directive(stage: &Stage, form: &dyn Form, checker: &mut Checker<'_>) {
    let Some(directive) = &stage.directive else {
        return;
    };
    let kind = form.kind();
    let Err(why) = kind.directive else {
        return;
    };
    let (name, label) = (kind.name, directive.label());
    checker.errors.at(
        span(directive),
        format!(
            "`{name}` takes no {}; {why}",
            label.trim_start_matches("a ")
        ),
    );
}

fn span(directive: &Directive) -> proc_macro2::Span {
    match (&directive.count, directive.mode) {
        (Count::Literal(_, span), Mode::Tasks) => *span,
        _ => directive.span,
    }
}

/// Not every form can fail.
fn question(stage: &Stage, form: &dyn Form, checker: &mut Checker<'_>) {
    if let Some(question) = stage.question
        && !form.kind().question
    {
        let message = format!("`{}` cannot fail; remove the `?`", form.kind().name);
        checker.errors.at(question, message);
    }
}

/// `.await` needs an `:async` stage, and so does a future that nobody else could await.
fn function(form: &dyn Form, checker: &mut Checker<'_>) {
    let Some(closure) = form.func().and_then(|func| func.closure()) else {
        return;
    };
    if let Some(span) = closure::returns_a_future(closure)
        && form.kind().drops_futures
        && !checker.is_async
    {
        let message = "nobody awaits this future; put `:async` in front of the stage";
        checker.errors.at(span, message);
    }
    if let Some(span) = closure::own_await_of_closure(closure) {
        let message = if checker.is_async {
            "`.await` in a closure needs it to be async; write `async |x| …`"
        } else {
            "`.await` needs `:async` in front of the stage, and an `async |x| …` closure"
        };
        checker.errors.at(span, message);
    }
}
