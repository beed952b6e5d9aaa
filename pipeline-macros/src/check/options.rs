//! Which option means something where.

use proc_macro2::Span;
use syn::{Expr, Lit};

use super::Checker;
use crate::ast::{Count, Mode, Options, Setting, Stage};
use crate::forms::{Form, Place};
use crate::options::example;

pub(super) fn check(stage: &Stage, checker: &mut Checker<'_>) {
    let options = &stage.options;
    for (name, span) in options.given() {
        if let Err(why) = fits(name, stage) {
            checker.errors.at(span, format!("`{name}` {why}"));
        }
    }
    for (name, setting, is) in [
        ("timeout", &options.timeout, "a `Duration`"),
        ("retry", &options.retry, "a `Retry`"),
        ("buffer", &options.buffer, "a number of items"),
        ("window", &options.window, "a number of items"),
    ] {
        // What is no literal has a type that only rustc knows.
        let Some(Setting {
            value: value @ Expr::Lit(_),
            ..
        }) = setting
        else {
            continue;
        };
        let counts = matches!(name, "buffer" | "window");
        match literal(value) {
            Some(0) if counts => checker
                .errors
                .over(value, "0 items would never move; it is at least 1"),
            Some(_) if counts => {}
            _ => {
                let message = format!("`{name}` is {is}: `{name}: {}`", example(name));
                checker.errors.over(value, message);
            }
        }
    }
    window(stage, checker);
}

/// Whether an option applies to a stage, or what is wrong with it.
fn fits(name: &str, stage: &Stage) -> Result<(), &'static str> {
    let mode = stage.mode();
    let place = stage.form().map(|form| form.kind().place);
    let drives = mode == Mode::Drive;
    let plain = mode == Mode::Fused;
    Err(match name {
        "buffer" if plain && place != Some(Place::Batch) => {
            "needs `:block`, `:async` or a count; a plain stage has no channel of its own"
        }
        "window" | "unordered" if drives => {
            "means nothing for a sink; it takes items as they arrive"
        }
        "window" | "unordered" if plain => {
            "needs `:block`, `:async` or a count; a plain stage keeps the order"
        }
        "unordered" if !is_parallel(stage) => {
            "needs a count over 1; one at a time is always in order"
        }
        "timeout" if !matches!(mode, Mode::Block | Mode::Async) => {
            "needs `:async` or `:block`; no other call can be left behind"
        }
        "retry" if drives => "means nothing for a sink; it retries for itself",
        "retry" if plain => "needs `:async`, `:block` or a count; a plain stage cannot wait",
        "retry" if !fails(stage) => {
            "needs something that fails; write `?` after the form, or add a `timeout`"
        }
        "once" if !writes_a_key(stage) => {
            "needs a key of its own to record under; write `let key = …` or `mapduce(a => key, f)`"
        }
        "pool" if mode != Mode::Block => "needs `:block`; nothing else runs on threads",
        _ => return Ok(()),
    })
}

/// Whether there may be something to try again.
fn fails(stage: &Stage) -> bool {
    stage.question.is_some()
        || stage.options.timeout.is_some()
        || stage.form().is_some_and(Form::may_fail)
}

/// Whether it is a `let`, or a `mapduce` with `=>`.
fn writes_a_key(stage: &Stage) -> bool {
    let form = stage.form();
    form.is_some_and(|form| form.kind().calls && !form.writes().is_empty())
}

fn is_parallel(stage: &Stage) -> bool {
    match stage.directive.as_ref().map(|directive| &directive.count) {
        Some(Count::Literal(count, _)) => *count > 1,
        Some(Count::Computed(_)) => true,
        _ => false,
    }
}

/// The window holds the items in work.
fn window(stage: &Stage, checker: &mut Checker<'_>) {
    let Some(directive) = &stage.directive else {
        return;
    };
    let (Count::Literal(count, _), Some(setting)) = (&directive.count, &stage.options.window)
    else {
        return;
    };
    if let Some(window) = literal(&setting.value)
        && window > 0
        && window < *count
    {
        let message = format!(
            "a window of {window} cannot hold the {count} items in work; it is at least the count"
        );
        checker.errors.over(&setting.value, message);
    }
}

fn literal(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

impl Options {
    /// The options that are there, `name` apart.
    fn given(&self) -> impl Iterator<Item = (&'static str, Span)> + use<> {
        let span = |setting: &Option<Setting>| setting.as_ref().map(|setting| setting.span);
        [
            ("buffer", span(&self.buffer)),
            ("window", span(&self.window)),
            ("unordered", self.unordered),
            ("timeout", span(&self.timeout)),
            ("retry", span(&self.retry)),
            ("pool", self.pool),
            ("once", self.once.as_ref().map(|once| once.span)),
        ]
        .into_iter()
        .filter_map(|(name, span)| Some((name, span?)))
    }
}
