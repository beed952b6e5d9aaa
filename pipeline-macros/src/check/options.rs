//! Which option means something where.

use proc_macro2::Span;
use syn::{Expr, Lit};

use super::Checker;
use crate::ast::{Count, Mode, Options, Setting, Stage};
use crate::forms::Place;

pub(super) fn check(stage: &Stage, checker: &mut Checker<'_>) {
    let options = &stage.options;
    for (name, span) in options.given() {
        if let Err(why) = fits(name, stage) {
            checker
                .errors
                .at(span, format!("`{name}` means nothing here; {why}"));
        }
    }
    for setting in [&options.buffer, &options.window].into_iter().flatten() {
        if literal(&setting.value) == Some(0) {
            checker
                .errors
                .over(&setting.value, "0 items would never move; it is at least 1");
        }
    }
    window(stage, checker);
    retry(stage, checker);
}

/// Whether an option applies to a stage, or why it does not.
fn fits(name: &str, stage: &Stage) -> Result<(), &'static str> {
    let mode = stage.mode();
    let place = stage.form().map(|form| form.kind().place);
    let is_batch = place == Some(Place::Batch);
    match name {
        "buffer" if is_batch || mode != Mode::Fused => Ok(()),
        "buffer" => Err(
            "a plain stage runs in its neighbour's worker; it needs `:block`, `:async` or a count",
        ),
        "window" | "unordered" if mode == Mode::Drive => Err("a sink takes items as they arrive"),
        "unordered" | "window" if mode == Mode::Fused => {
            Err("it needs `:block`, `:async` or a count")
        }
        "unordered" if !is_parallel(stage) => {
            Err("one at a time is always in order; it needs a count over 1")
        }
        "timeout" if matches!(mode, Mode::Block | Mode::Async) => Ok(()),
        "timeout" => Err("`timeout` needs `:async` or `:block`"),
        "retry" if stage.is_annotated() => Ok(()),
        "retry" if mode == Mode::Drive => Err("a sink retries for itself"),
        "retry" => Err("it needs `:async`, `:block` or a count"),
        "pool" if mode == Mode::Block => Ok(()),
        "pool" => Err("only `:block` runs on threads"),
        _ => Ok(()),
    }
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

/// There must be something to try again.
fn retry(stage: &Stage, checker: &mut Checker<'_>) {
    let Some(retry) = &stage.options.retry else {
        return;
    };
    let may_fail = stage.question.is_some() || stage.form().is_some_and(|form| form.may_fail());
    if stage.is_annotated() && !may_fail && stage.options.timeout.is_none() {
        let message =
            "`retry` means nothing here; the stage cannot fail without a `?` or a `timeout`";
        checker.errors.at(retry.span, message);
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
    fn given(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let span = |setting: &Option<Setting>| setting.as_ref().map(|setting| setting.span);
        [
            ("buffer", span(&self.buffer)),
            ("window", span(&self.window)),
            ("unordered", self.unordered),
            ("timeout", span(&self.timeout)),
            ("retry", span(&self.retry)),
            ("pool", self.pool),
        ]
        .into_iter()
        .filter_map(|(name, span)| Some((name, span?)))
    }
}
