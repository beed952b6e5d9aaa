//! That an editor finds the caret in an expansion.
//!
//! It expands a pipeline as it is, and once more with a marker at the caret, and takes what stands in both at the same
//! offset to be the same. So nothing in front of the user's token may depend on it.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens as _;

use super::invocation_of;
use super::programs::programs;
use crate::ast::{self, Pipeline, Stage};
use crate::errors::Errors;
use crate::options::once;
use crate::{parse, pipeline};

const MARKER: &str = "raCompletionMarker";

/// Words that are no names, and those that `pipeline!` adds to them.
const WORDS: &[&str] = &[
    "as", "async", "await", "const", "else", "false", "for", "if", "in", "let", "match", "move",
    "mut", "ref", "return", "static", "true", "unsafe", "use", "while", "journal", "with", "skip",
    "_",
];

/// Where names are left out because of a mistake, so that an editor does not find them. It may only get shorter.
const LEFT_OUT: &[(&str, &str)] = &[
    ("tests/ui/editor/closures_after_a_mistake.rs#0", "colour"),
    ("tests/ui/fail/by_that_is_written_wrongly.rs#3", "user"),
    ("tests/ui/fail/by_that_is_written_wrongly.rs#4", "b b user"),
    ("tests/ui/fail/by_without_parallelism.rs#2", "user user"),
    ("tests/ui/fail/by_without_parallelism.rs#3", "user user"),
    ("tests/ui/fail/count_without_parentheses.rs#0", "n"),
    (
        "tests/ui/fail/dedup_without_its_bound.rs#0",
        "Duration from_secs",
    ),
    (
        "tests/ui/fail/directive_without_its_colon.rs#0",
        "map x x sink each _x",
    ),
    (
        "tests/ui/fail/drive_before_the_end.rs#0",
        "sink each x println",
    ),
    ("tests/ui/fail/drive_twice.rs#0", "sink each x println"),
    ("tests/ui/fail/id_that_is_of_no_use.rs#0", "n n"),
    ("tests/ui/fail/id_that_is_of_no_use.rs#1", "m m original"),
    ("tests/ui/fail/method_on_a_form.rs#0", "boxed"),
    ("tests/ui/fail/once_in_a_segment.rs#1", "n n"),
    ("tests/ui/fail/once_without_a_journal.rs#0", "n n"),
    ("tests/ui/fail/option_without_a_value.rs#0", "fast"),
    (
        "tests/ui/fail/tee_stages_behind_its_drive.rs#0",
        "sink discard",
    ),
    ("tests/ui/fail/unknown_option.rs#0", "colour"),
];

#[test]
fn what_stands_in_front_of_the_caret_does_not_depend_on_what_is_typed_there() {
    let (mut held, mut left_out) = (0, Vec::new());
    for program in programs() {
        let real = Expansion::of(&program.body);
        let pipeline = parse::parse(invocation_of(&program.body), &mut Errors::default()).1;
        let mut broken = Vec::new();
        for (number, name) in names(&program.body).into_iter().enumerate() {
            let is_word = WORDS.contains(&name.to_string().as_str());
            if is_word || is_new(&name, &pipeline) || is_matched(&name, &pipeline) {
                continue;
            }
            let marked = Expansion::of(&marked(&program.body, number));
            // A word that is none of the grammar any more is a mistake, and that is another expansion.
            if marked.messages() != real.messages() {
                continue;
            }
            let is_found = match marked.caret {
                Some(caret) => real.text.starts_with(&marked.text[..caret]),
                None => pipeline.lost,
            };
            if is_found {
                held += 1;
            } else {
                broken.push(name.to_string());
            }
        }
        if !broken.is_empty() {
            left_out.push((program.name, broken.join(" ")));
        }
    }
    let known = LEFT_OUT
        .iter()
        .map(|(program, names)| ((*program).to_owned(), (*names).to_owned()));
    assert_eq!(left_out, known.collect::<Vec<_>>());
    assert!(held > 1400, "only {held} names have been tried");
}

/// Whether the name is that of a new key or value, so that there is nothing to complete.
fn is_new(name: &Ident, pipeline: &Pipeline) -> bool {
    let at = |new: &Ident| new.span().start() == name.span().start();
    let stages = ast::all(&pipeline.stages);
    let forms = stages.iter().filter_map(|stage| stage.form());
    let mut tokens = stages
        .iter()
        .filter_map(|stage| once::token(&stage.options));
    let arms = stages.iter().flat_map(|stage| stage.arms());
    let mut bound = arms.flat_map(|arm| &arm.bindings);
    let items = stages.iter().filter_map(|stage| stage.route());
    let mut items = items.filter_map(|route| route.item.as_ref());
    let mut shares = pipeline.shares.iter().filter(|share| share.value.is_some());
    forms.flat_map(|form| form.writes()).any(at)
        || tokens.any(at)
        || bound.any(at)
        || items.any(at)
        || shares.any(|share| at(&share.name))
}

/// Whether it is what a `match` takes by value, or where it stands: that is no expression, as everything else would be.
fn is_matched(name: &Ident, pipeline: &Pipeline) -> bool {
    let stages = ast::all(&pipeline.stages).into_iter();
    let mut values = stages.filter_map(Stage::route).map(|route| &route.value);
    values.any(|value| {
        let is_place = matches!(value, syn::Expr::Path(_) | syn::Expr::Field(_));
        let first = value.to_token_stream().into_iter().next();
        is_place && first.is_some_and(|first| first.span().start() == name.span().start())
    })
}

/// The text of an expansion, without white space.
#[derive(Default)]
struct Expansion {
    text: String,
    /// Where the marker is.
    caret: Option<usize>,
}

impl Expansion {
    fn of(body: &TokenStream) -> Self {
        let mut expansion = Self::default();
        expansion.add(pipeline::expand(invocation_of(body)));
        expansion
    }

    fn add(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    let empty = Group::new(group.delimiter(), TokenStream::new()).to_string();
                    let (open, close) = empty.split_at(empty.len() / 2);
                    self.text.push_str(open);
                    self.add(group.stream());
                    self.text.push_str(close);
                }
                TokenTree::Ident(ident) => {
                    let word = ident.to_string();
                    let caret = word.find(MARKER).map(|at| self.text.len() + at);
                    self.caret = self.caret.or(caret);
                    self.text.push_str(&word);
                }
                other => self.text.push_str(&other.to_string()),
            }
        }
    }

    fn messages(&self) -> Vec<String> {
        let parts = self.text.split("compile_error!").skip(1);
        parts
            .map(|part| {
                part.split('"')
                    .nth(1)
                    .unwrap_or_default()
                    .replace(MARKER, "")
            })
            .collect()
    }
}

/// All names in some tokens, in order.
fn names(tokens: &TokenStream) -> Vec<Ident> {
    let trees = tokens.clone().into_iter();
    let names = trees.flat_map(|token| match token {
        TokenTree::Group(group) => names(&group.stream()),
        TokenTree::Ident(ident) => vec![ident],
        _ => Vec::new(),
    });
    names.collect()
}

/// The tokens with the marker behind one of the names.
fn marked(tokens: &TokenStream, number: usize) -> TokenStream {
    let mut names_in_front = number;
    with_marker(tokens.clone(), &mut names_in_front)
}

fn with_marker(tokens: TokenStream, names_in_front: &mut usize) -> TokenStream {
    let trees = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let inside = with_marker(group.stream(), names_in_front);
            let mut marked = Group::new(group.delimiter(), inside);
            marked.set_span(group.span());
            TokenTree::Group(marked)
        }
        TokenTree::Ident(ident) => {
            let is_it = *names_in_front == 0;
            *names_in_front = names_in_front.wrapping_sub(1);
            TokenTree::Ident(if is_it { marker_behind(&ident) } else { ident })
        }
        other => other,
    });
    trees.collect()
}

fn marker_behind(name: &Ident) -> Ident {
    let word = format!("{name}{MARKER}");
    match word.strip_prefix("r#") {
        Some(word) => Ident::new_raw(word, name.span()),
        None => Ident::new(&word, name.span()),
    }
}
