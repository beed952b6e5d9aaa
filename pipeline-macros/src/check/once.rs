//! `once`, and the journal that it records in.

use proc_macro2::Ident;

use super::Scope;
use crate::ast::{self, Body, Pipeline, Stage};
use crate::errors::Errors;
use crate::forms::Key;
use crate::options::once;

/// A key that a stage before has written, and whether `once` records it.
pub(super) struct Written {
    key: Ident,
    once: bool,
}

/// A journal and what it records belong together.
pub(super) fn journal(pipeline: &Pipeline, errors: &mut Errors) {
    let is_segment = pipeline.header.is_none();
    let stages = ast::all(&pipeline.stages).into_iter();
    let mut once = stages.filter_map(|stage| stage.options.get(&once::SPEC));
    match &pipeline.journal {
        _ if pipeline.lost => {}
        Some(journal) if is_segment => errors.at(
            journal.span,
            "a segment has no journal; give it to the pipeline that the segment becomes part of",
        ),
        // A sink may complete the tasks that the journal knows.
        Some(journal) if once.next().is_none() && !is_driven(pipeline) => errors.at(
            journal.span,
            "`journal` has nothing to record; mark a stage with `with { once }`, or remove it",
        ),
        Some(_) => {}
        None => once.for_each(|once| {
            let message = if is_segment {
                "`once` records in the journal of a pipeline; a segment has none"
            } else {
                "`once` needs a journal; name it behind the header: `[input] journal = journal;`"
            };
            errors.at(once.span, message);
        }),
    }
}

/// What `once` records is found again under the name of its key, which must be no other's.
pub(super) fn keys(stage: &Stage, scope: &Scope, seen: &mut Vec<Written>, errors: &mut Errors) {
    let Some(form) = stage.form() else { return };
    let kind = form.kind();
    // What is carried over is written elsewhere.
    if kind.key == Key::Carried {
        return;
    }
    let once = stage.options.has(&once::SPEC);
    // Its own check says that the key is there.
    let is_told = kind.key == Key::Made { hides: false };
    for key in form.writes() {
        let before = seen.iter().find(|written| written.key == *key);
        if let Some(before) = before
            && !(is_told && scope.has(key))
        {
            if before.once {
                let message = format!(
                    "`{key}` is recorded by `once`; it cannot be written again, choose another key"
                );
                errors.at(key.span(), message);
            } else if once {
                let message =
                    format!("`{key}` is written above; what `once` records needs a key of its own");
                errors.at(key.span(), message);
            }
        }
        seen.push(Written {
            key: key.clone(),
            once,
        });
    }
}

/// The name of the token hides nothing, and something can read it.
pub(super) fn token(stage: &Stage, scope: &Scope, shares: &[Ident], errors: &mut Errors) {
    let Some(token) = once::token(&stage.options) else {
        return;
    };
    if scope.has(token) || shares.contains(token) {
        let what = if scope.has(token) {
            "a key"
        } else {
            "the name of a `use`"
        };
        let message = format!("`{token}` is {what}; choose another name for the token");
        errors.at(token.span(), message);
    }
    let func = stage.form().and_then(|form| form.func());
    if func.is_some_and(|func| func.closure().is_none()) {
        let message = format!(
            "a function does not see the token; write a closure, or `let key = f(…, {token})`"
        );
        errors.at(token.span(), message);
    }
}

fn is_driven(pipeline: &Pipeline) -> bool {
    let mut stages = ast::all(&pipeline.stages).into_iter();
    stages.any(|stage| matches!(stage.body, Body::Drive(_)))
}
