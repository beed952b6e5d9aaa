//! `tee |item| value { stages }`.

use proc_macro2::{Delimiter, Group, Ident};
use syn::parse::ParseStream;
use syn::{Expr, Token, token};

use super::route::{self, Stages};
use crate::ast::Tee;
use crate::errors::Errors;
use crate::syntax::{between, ungrouped};
use crate::text;

/// Whether one begins here: the word alone, or with something behind it that makes it no path.
pub(super) fn begins(input: ParseStream<'_>) -> bool {
    let Some((word, rest)) = input.cursor().ident() else {
        return false;
    };
    let punct = rest.punct().map(|(punct, _)| punct.as_char());
    let goes_on = punct.is_some_and(|punct| matches!(punct, ':' | '.' | '!' | '<'));
    // `tee(f)` is a call, `tee (a, b) { … }` is not.
    let call = rest.group(Delimiter::Parenthesis);
    let is_call = call.is_some_and(|(_, _, rest)| rest.group(Delimiter::Brace).is_none());
    word == "tee" && !goes_on && !is_call
}

pub(super) fn tee(input: ParseStream<'_>, inside: Stages, errors: &mut Errors) -> syn::Result<Tee> {
    let begin = input.cursor();
    let word = input.parse::<Ident>()?;
    let item = route::item(input, "tee", "item.clone() { … }`")?;
    let braces = |input: ParseStream<'_>| input.peek(token::Brace) && !input.peek2(token::Brace);
    let value = if input.is_empty() || input.peek(Token![,]) {
        None
    } else if braces(input) {
        if let Some(item) = &item {
            let message = format!(
                "`tee |{item}|` needs what the side line gets: `tee |{item}| {item}.clone() {{ … }}`"
            );
            return Err(syn::Error::new(word.span(), message));
        }
        None
    } else {
        Some(ungrouped(Expr::parse_without_eager_brace(input)?))
    };
    if !input.peek(token::Brace) {
        let message = "the side line of a `tee` stands in braces: `tee { :drive sink }`";
        return Err(syn::Error::new(word.span(), message));
    }
    let head = text::source(between(begin, input.cursor()));
    let span = input.fork().parse::<Group>()?.span();
    let mut lost = false;
    let stages = route::stages(input, inside, &mut lost, errors)?;
    Ok(Tee {
        word,
        item,
        value,
        head: format!("{head} {{ … }}"),
        braces: span,
        stages,
        lost,
    })
}
