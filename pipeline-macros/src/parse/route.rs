//! `match value { pattern if guard => { stages }, … }`.

use proc_macro2::{Delimiter, Group, Ident, TokenTree};
use syn::buffer::Cursor;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Pat, Token, token};

use super::skip::skip_to_comma;
use super::{options, pattern};
use crate::ast::{Arm, Match, Stage};
use crate::errors::Errors;
use crate::forms;
use crate::syntax::{between, ungrouped};
use crate::text;

/// How stages are parsed, which have arms with stages.
#[derive(Clone, Copy)]
pub(super) struct Stages {
    pub(super) one: fn(ParseStream<'_>, &mut Errors) -> syn::Result<Stage>,
    /// One more of several, and the comma behind it; whether there was one.
    pub(super) next: fn(ParseStream<'_>, &mut Vec<Stage>, &mut Errors) -> bool,
}

pub(super) fn route(
    input: ParseStream<'_>,
    inside: Stages,
    errors: &mut Errors,
) -> syn::Result<Match> {
    let begin = input.cursor();
    let word = input.parse::<Token![match]>()?;
    let item = item(input, "match", "item { … }`; take it apart in the arms")?;
    if input.is_empty() || input.peek(token::Brace) && !input.peek2(token::Brace) {
        let message = "`match` needs what it matches: `match key { … }`, `match |item| item { … }`";
        return Err(syn::Error::new(word.span, message));
    }
    let value = ungrouped(Expr::parse_without_eager_brace(input)?);
    if !input.peek(token::Brace) {
        return Err(
            input.error("the arms of a `match` stand in braces: `{ pattern => map(f), … }`")
        );
    }
    let head = text::source(between(begin, input.cursor()));
    let braces = input.parse::<Group>()?;
    let (mut arms, mut lost) = (Vec::new(), false);
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match arm(input, inside, &mut lost, errors) {
                Ok(arm) => arms.push(arm),
                Err(error) => {
                    errors.push(error);
                    lost = true;
                    skip_to_comma(input);
                    let _ = input.parse::<Option<Token![,]>>();
                }
            }
        }
        Ok(())
    };
    all.parse2(braces.stream())?;
    Ok(Match {
        word,
        item,
        value,
        head: format!("{head} {{ … }}"),
        braces: braces.span(),
        arms,
        lost,
    })
}

/// `|item|` behind a word; `rest` is what stands behind that in messages.
pub(super) fn item(input: ParseStream<'_>, word: &str, rest: &str) -> syn::Result<Option<Ident>> {
    let wrong = format!("an item gets one name here: `{word} |item| {rest}");
    if input.peek(Token![||]) {
        return Err(input.error(wrong));
    }
    if !input.peek(Token![|]) {
        return Ok(None);
    }
    input.parse::<Token![|]>()?;
    let span = input.span();
    let name = input.parse::<Ident>().ok();
    if let Some(name) = &name
        && input.peek(Token![:])
    {
        return Err(input.error(format!(
            "a `{word}` says no type; a stage in front of it does, as `filter(|{name}: &u64| true)`"
        )));
    }
    let name = name.filter(|_| input.peek(Token![|]));
    let name = name.ok_or_else(|| syn::Error::new(span, wrong))?;
    input.parse::<Token![|]>()?;
    Ok(Some(name))
}

fn arm(
    input: ParseStream<'_>,
    inside: Stages,
    lost: &mut bool,
    errors: &mut Errors,
) -> syn::Result<Arm> {
    let begin = input.cursor();
    if !has_arrow(begin) {
        let message = "an arm is written `pattern => { stages }`, or `pattern => skip`; several stages stand in braces";
        return Err(input.error(message));
    }
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    let guard = match input.parse::<Option<Token![if]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    let text = text::source(between(begin, input.cursor()));
    if !input.peek(Token![=>]) {
        return Err(input.error("an arm is written `pattern => { stages }`, or `pattern => skip`"));
    }
    input.parse::<Token![=>]>()?;
    let (span, body) = (input.span(), input.cursor());
    let (in_braces, stages) = if is_skip(input) {
        input.parse::<Ident>()?;
        (false, vec![forms::skip::stage(span, &text)])
    } else if input.peek(token::Brace) {
        (true, stages(input, inside, lost, errors)?)
    } else if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            span,
            "an arm needs stages behind its `=>`; `{}` hands its items on unchanged, `skip` drops them",
        ));
    } else {
        (false, vec![(inside.one)(input, errors)?])
    };
    let last = between(body, input.cursor()).into_iter().last();
    let body = last.map_or(span, |last| last.span());
    no_word(&stages, errors);
    separator(input, in_braces, errors);
    let bindings = pattern::bindings(&pattern, errors);
    Ok(Arm {
        pattern,
        bindings,
        guard,
        text,
        body,
        stages,
    })
}

/// Whether there is a `=>` in front of the next comma.
fn has_arrow(mut at: Cursor<'_>) -> bool {
    while let Some((token, next)) = at.token_tree() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => return false,
            TokenTree::Punct(punct) if punct.as_char() == '=' => {
                let behind = next.punct().map(|(behind, _)| behind.as_char());
                if behind == Some('>') {
                    return true;
                }
            }
            _ => {}
        }
        at = next;
    }
    false
}

/// `=> skip`, and nothing behind it that would make it a function's name.
fn is_skip(input: ParseStream<'_>) -> bool {
    let Some((word, rest)) = input.cursor().ident() else {
        return false;
    };
    let goes_on = |punct: char| matches!(punct, '?' | ':' | '.');
    let behind = rest.punct().map(|(punct, _)| punct.as_char());
    let is_call = rest.group(Delimiter::Parenthesis).is_some();
    word == "skip" && !is_call && !behind.is_some_and(goes_on)
}

/// The stages in the braces of an arm, or of a side line.
pub(super) fn stages(
    input: ParseStream<'_>,
    inside: Stages,
    lost: &mut bool,
    errors: &mut Errors,
) -> syn::Result<Vec<Stage>> {
    let braces = input.parse::<Group>()?;
    let mut stages = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            *lost |= !(inside.next)(input, &mut stages, errors);
        }
        Ok(())
    };
    all.parse2(braces.stream())?;
    Ok(stages)
}

/// A word alone that is taken for a way to leave items out.
fn no_word(stages: &[Stage], errors: &mut Errors) {
    let [only] = stages else { return };
    let is_form = only.form().is_some_and(|form| form.kind().name == "map");
    if is_form && only.directive.is_none() && matches!(&*only.text, "skip" | "drop" | "continue") {
        let message = "an arm whose items go no further is written `pattern => skip`";
        errors.at(only.span, message);
    }
}

/// The comma after an arm, which may be left out behind braces.
fn separator(input: ParseStream<'_>, in_braces: bool, errors: &mut Errors) {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return;
    }
    let is_with = options::is_with(input);
    if in_braces && !is_with {
        return;
    }
    let span = input.span();
    let message = if is_with {
        "options belong to a stage, or to the whole `match`, behind its braces"
    } else {
        "expected `,` between two arms; several stages of an arm stand in braces"
    };
    errors.at(span, message);
    skip_to_comma(input);
    let _ = input.parse::<Option<Token![,]>>();
}
