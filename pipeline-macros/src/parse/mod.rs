//! Tokens to the tree of what is written. Mistakes are collected; parsing goes on at the next comma.

mod depth;
mod directive;
mod header;
mod options;
mod pattern;
mod route;
mod skip;
mod stage;
mod tee;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::Token;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};

use crate::ast::{self, Pipeline, Stage};
use crate::directive::{Mode, WORDS};
use crate::errors::Errors;

use route::Stages;
use skip::skip_to_comma;

/// The `$crate` token and the pipeline behind it.
pub(crate) fn parse(input: TokenStream, errors: &mut Errors) -> (Ident, Pipeline) {
    if let Some(span) = depth::too_deep(input.clone()) {
        errors.at(
            span,
            "too long or too deeply nested for a pipeline; move it into a function",
        );
        let krate = input.into_iter().next().and_then(ident);
        return (krate.unwrap_or_else(unknown), Pipeline::lost());
    }
    let mut krate = None;
    let mut found = None;
    let whole = |input: ParseStream<'_>| {
        krate = Some(input.call(Ident::parse_any)?);
        input.parse::<Token![;]>()?;
        found = Some(pipeline(input, errors));
        // What is left after a mistake has been reported.
        input.parse::<TokenStream>().map(drop)
    };
    let outcome = whole.parse2(input);
    if let Err(error) = outcome {
        errors.push(error);
    }
    let krate = krate.unwrap_or_else(unknown);
    (krate, found.unwrap_or_else(Pipeline::lost))
}

fn unknown() -> Ident {
    Ident::new("brigade", Span::call_site())
}

fn ident(token: TokenTree) -> Option<Ident> {
    match token {
        TokenTree::Ident(ident) => Some(ident),
        _ => None,
    }
}

impl Pipeline {
    fn lost() -> Self {
        Self {
            header: None,
            journal: None,
            shares: Vec::new(),
            stages: Vec::new(),
            lost: true,
        }
    }
}

fn pipeline(input: ParseStream<'_>, errors: &mut Errors) -> Pipeline {
    let mut pipeline = Pipeline::lost();
    pipeline.header = header::header(input, errors);
    (pipeline.journal, pipeline.shares) = header::settings(input, errors);
    pipeline.lost = !errors.is_empty();
    while !input.is_empty() {
        if header::is_journal(input) {
            let message = "`journal` stands before the first stage: `[input] journal = journal;`";
            errors.at(input.span(), message);
            let (journal, shares) = header::settings(input, errors);
            pipeline.journal = pipeline.journal.or(journal);
            pipeline.shares.extend(shares);
            continue;
        }
        pipeline.lost |= !next_stage(input, &mut pipeline.stages, errors);
    }
    let mut all = ast::all(&pipeline.stages).into_iter();
    pipeline.lost |= all.any(Stage::is_lost);
    pipeline
}

/// One stage.
fn one(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Stage> {
    let inside = Stages {
        one,
        next: next_stage,
    };
    stage::stage(input, inside, errors)
}

/// One stage and the comma after it; whether there was one.
fn next_stage(input: ParseStream<'_>, stages: &mut Vec<Stage>, errors: &mut Errors) -> bool {
    match one(input, errors) {
        Ok(stage) => {
            stages.push(stage);
            separator(input, stages, errors);
            true
        }
        Err(error) => {
            errors.push(error);
            skip_to_comma(input);
            let _ = input.parse::<Option<Token![,]>>();
            false
        }
    }
}

/// The comma after a stage, or a message and a place to go on.
fn separator(input: ParseStream<'_>, stages: &[Stage], errors: &mut Errors) {
    let in_braces = stages
        .last()
        .is_some_and(|stage| stage.form().is_none() && stage.mode() != Mode::Drive);
    if input.is_empty() || input.parse::<Token![,]>().is_ok() || in_braces && begins(input) {
        return;
    }
    if input.peek(Token![;]) {
        errors.at(input.span(), "stages are separated by `,`, not by `;`");
        let _ = input.parse::<Token![;]>();
        return;
    }
    errors.at(input.span(), unexpected(input, stages));
    let goes_on = begins(input) && !stages.last().is_some_and(is_word_of_a_directive);
    if !goes_on {
        skip_to_comma(input);
        let _ = input.parse::<Option<Token![,]>>();
    }
}

/// Whether a stage may begin here.
fn begins(input: ParseStream<'_>) -> bool {
    input.peek(syn::Ident::peek_any) || input.peek(Token![:])
}

/// `block 4 map(f)`: the word alone is a function's path.
fn is_word_of_a_directive(stage: &Stage) -> bool {
    stage.directive.is_none() && WORDS.iter().any(|(word, _)| *word == stage.text)
}

fn unexpected(input: ParseStream<'_>, stages: &[Stage]) -> &'static str {
    let optioned = stages.last().is_some_and(|stage| !stage.options.is_empty());
    if input.peek(Token![?]) && optioned {
        "`?` stands before `with { … }`"
    } else if input.peek(Token![?]) {
        "one `?` is enough"
    } else if input.peek(Token![.]) {
        "a stage is a form, not an expression; write the method call inside a closure: `map(|x| x.…)`"
    } else if stages.last().is_some_and(is_word_of_a_directive) {
        "a directive begins with `:`, as `:block 2`, `:async 8` or `:drive`"
    } else {
        "expected `,` between two stages"
    }
}
