//! Which option means something where.

use syn::Expr;

use crate::ast::Stage;
use crate::errors::Errors;
use crate::forms::{Form, Key, Place};
use crate::options::{Given, Host, Misfit, Takes};

pub(super) fn check(stage: &Stage, errors: &mut Errors) {
    let host = host(stage);
    for given in stage.options.iter() {
        match (given.spec.fits)(given, &host) {
            Ok(()) => {}
            Err(Misfit::Here(why)) => {
                let name = given.spec.name;
                errors.at(given.span, format!("`{name}` {why}"));
            }
            Err(Misfit::Value(message)) => errors.over(&given.value, message),
        }
        literal(given, errors);
    }
}

fn host(stage: &Stage) -> Host<'_> {
    let form = stage.form();
    let makes = |form: &&dyn Form| matches!(form.kind().key, Key::Made { .. });
    Host {
        form: form.map(|form| form.kind().name),
        mode: stage.mode(),
        is_match: stage.route().is_some(),
        is_tee: stage.tee().is_some(),
        count: stage.directive.as_ref().map(|directive| &directive.count),
        options: &stage.options,
        has_task: form.is_some_and(|form| form.kind().place.is_task()),
        multiplies: form.is_some_and(|form| form.kind().place == Place::Multiplies),
        may_fail: stage.question.is_some() || form.is_some_and(Form::may_fail),
        keys_made: form.filter(makes).map_or(0, |form| form.writes().len()),
    }
}

/// What is no literal has a type that only rustc knows.
fn literal(given: &Given, errors: &mut Errors) {
    let (Some(value @ Expr::Lit(_)), takes) = (given.expr(), &given.spec.takes) else {
        return;
    };
    let is = match (takes, given.number()) {
        (Takes::Items, Some(0)) => {
            return errors.over(value, "0 items would never move; it is at least 1");
        }
        (Takes::Items, None) => "a number of items",
        (Takes::Value { is, .. }, _) => is,
        _ => return,
    };
    let (name, usage) = (given.spec.name, given.spec.usage());
    errors.over(value, format!("`{name}` is {is}: `{usage}`"));
}
