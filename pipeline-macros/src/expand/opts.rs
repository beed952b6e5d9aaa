//! What is written about a group: `Opts::block(0..2, 1).count(4)`.

use std::ops::Range;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::ast::{Count, Mode, Stage};
use crate::glue::Glue;
use crate::ir::Flavour;

/// The options of the group that runs `stages`; `stage` is number `main`, the one with the directive.
pub(crate) fn opts(
    glue: &Glue,
    stage: &Stage,
    stages: &Range<usize>,
    main: usize,
    flavour: Flavour,
) -> TokenStream {
    let span = glue.at(stage.span);
    let opts = glue.private("Opts", stage.span);
    let kind = match stage.mode() {
        Mode::Fused | Mode::Tasks => "tasks",
        Mode::Block => "block",
        Mode::Async | Mode::Drive => "asynchronous",
        Mode::Journal => "journal",
    };
    let kind = glue.ident(kind, stage.span);
    let (start, end) = (stages.start, stages.end);
    let settings = settings(glue, stage, main);
    let inline = (flavour == Flavour::FlatInline).then(|| quote_spanned!(span=> .inline()));
    quote_spanned!(span=> #opts::#kind(#start..#end, #main) #(#settings)* #inline)
}

fn settings(glue: &Glue, stage: &Stage, main: usize) -> Vec<TokenStream> {
    let options = &stage.options;
    let flag = |span: Option<Span>, name: &str| {
        let span = span?;
        let name = glue.ident(name, span);
        Some(quote_spanned!(glue.at(span)=> .#name()))
    };
    let value = |name: &str, span: Span, value: TokenStream| {
        let name = glue.ident(name, span);
        quote_spanned!(glue.at(span)=> .#name(#value))
    };
    let setting = |name: &str, setting: &Option<crate::ast::Setting>| {
        let setting = setting.as_ref()?;
        let expr = &setting.value;
        Some(value(name, setting.span, quote::quote!(#expr)))
    };
    let timeout = options.timeout.as_ref().map(|timeout| {
        let hoisted = glue.numbered("timeout", main, timeout.span);
        value("timeout", timeout.span, quote::quote!(#hoisted))
    });
    [
        count(glue, stage),
        setting("buffer", &options.buffer),
        setting("window", &options.window),
        flag(options.unordered, "unordered"),
        flag(options.pool, "pool"),
        timeout,
        flag(options.retry.as_ref().map(|retry| retry.span), "retries"),
        flag(sink_name(stage), "named"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where the name of a sink is written: it goes before the sink's own.
fn sink_name(stage: &Stage) -> Option<Span> {
    let name = stage.options.name.as_ref()?;
    (stage.mode() == Mode::Drive).then(|| name.span())
}

fn count(glue: &Glue, stage: &Stage) -> Option<TokenStream> {
    let count = &stage.directive.as_ref()?.count;
    let span = glue.at(count.span()?);
    Some(match count {
        Count::One => return None,
        Count::Literal(count, _) => quote_spanned!(span=> .count(#count)),
        Count::Computed(expr) => quote_spanned!(span=> .count(#expr)),
    })
}
