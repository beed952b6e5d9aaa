//! `tee |item| value { stages }`.

use proc_macro2::{Group, Ident, Punct, Spacing};
use syn::parse::ParseStream;
use syn::{Expr, Token, token};

use super::route::{self, Stages};
use crate::ast::Tee;
use crate::errors::Errors;
use crate::syntax::{between, ungrouped};
use crate::text;

/// Whether one begins here: the word, and not as the beginning of a path or of a macro's call.
pub(super) fn begins(input: ParseStream<'_>) -> bool {
    let Some((word, rest)) = input.cursor().ident() else {
        return false;
    };
    let is_joined = |punct: &Punct| punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
    let punct = rest.punct().map(|(punct, _)| punct);
    word == "tee" && !punct.is_some_and(|punct| is_joined(&punct) || punct.as_char() == '!')
}

pub(super) fn tee(input: ParseStream<'_>, inside: Stages, errors: &mut Errors) -> syn::Result<Tee> {
    let begin = input.cursor();
    let word = input.parse::<Ident>()?;
    let item = route::item(input, "tee", "item.clone() { … }`")?;
    let braces = |input: ParseStream<'_>| input.peek(token::Brace) && !input.peek2(token::Brace);
    let value = if input.is_empty() || input.peek(Token![,]) || input.peek(Token![:]) {
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
