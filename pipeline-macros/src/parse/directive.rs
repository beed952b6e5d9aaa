//! `:block 2`, `:async (n)`, `4`, `:drive`.

use proc_macro2::{Group, Ident, TokenTree};
use syn::buffer::Cursor;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Lit, LitInt, Token, token};

use crate::directive::{Count, Directive, Mode, WORDS};
use crate::errors::Errors;
use crate::nearest::nearest;

pub(super) fn directive(
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Option<Directive>> {
    let span = input.span();
    if input.peek(Lit) || input.peek(token::Paren) {
        let count = count(input, errors)?;
        return Ok(Some(Directive {
            span,
            mode: Mode::Tasks,
            count,
        }));
    }
    if !input.peek(Token![:]) || input.peek(Token![::]) {
        return Ok(None);
    }
    input.parse::<Token![:]>()?;
    let mode = named(input, errors)?;
    let count = match mode {
        Mode::Drive if !drive_has_count(input) => Count::One,
        _ => count(input, errors)?,
    };
    Ok(Some(Directive { span, mode, count }))
}

fn named(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Mode> {
    let expected = "a directive is `:block`, `:async` or `:drive`";
    let name = input
        .call(Ident::parse_any)
        .map_err(|error| syn::Error::new(error.span(), expected))?;
    let word = name.to_string();
    let named = |word: &str| WORDS.iter().find(|(name, _)| *name == word);
    if let Some((_, mode)) = named(&word) {
        return Ok(*mode);
    }
    match nearest(&word, WORDS.iter().map(|(name, _)| *name)).and_then(named) {
        Some((meant, mode)) => {
            errors.at(
                name.span(),
                format!("no directive `:{word}`; did you mean `:{meant}`?"),
            );
            Ok(*mode)
        }
        None => Err(syn::Error::new(
            name.span(),
            format!("no directive `:{word}`; {expected}, or a count alone"),
        )),
    }
}

/// A count, if there is one.
fn count(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Count> {
    if input.peek(token::Paren) {
        let group: Group = input.parse()?;
        return match syn::parse2(group.stream()) {
            Ok(expr) => Ok(Count::Computed(Box::new(expr))),
            Err(_) if group.stream().is_empty() => {
                errors.at(group.span(), "a computed count is `(expression)`");
                Ok(Count::One)
            }
            Err(error) => Err(error),
        };
    }
    if input.peek(Lit) {
        return literal(input, errors);
    }
    // `:block n map(f)`: two names in a row where only one can be a stage.
    let next = input.cursor().ident().map(|(_, rest)| rest);
    let another = next
        .and_then(Cursor::ident)
        .is_some_and(|(word, _)| word != "with");
    if another
        && !input.peek(Token![let])
        && !input.peek(Token![async])
        && !input.peek(Token![move])
        && !input.peek(Token![match])
    {
        errors.at(input.span(), computed(&input.to_string()));
        input.parse::<TokenTree>()?;
    }
    Ok(Count::One)
}

fn computed(rest: &str) -> String {
    let name = rest.split_whitespace().next().unwrap_or("n");
    format!("a computed count is written in parentheses: `({name})`")
}

fn literal(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Count> {
    let lit: Lit = input.parse()?;
    let Some(value) = as_usize(&lit) else {
        errors.at(
            lit.span(),
            "a count is a whole number of at least 1, or `(expression)`",
        );
        return Ok(Count::One);
    };
    if value == 0 {
        errors.at(lit.span(), "a count of 0 would never run; it is at least 1");
        return Ok(Count::One);
    }
    Ok(Count::Literal(value, lit.span()))
}

fn as_usize(lit: &Lit) -> Option<usize> {
    match lit {
        Lit::Int(int) if matches!(int.suffix(), "" | "usize") => int.base10_parse().ok(),
        _ => None,
    }
}

/// Whether what follows `:drive` is a count: a number, or parentheses with a sink behind them.
fn drive_has_count(input: ParseStream<'_>) -> bool {
    if input.peek(LitInt) {
        return true;
    }
    let Some((_, _, rest)) = input.cursor().group(proc_macro2::Delimiter::Parenthesis) else {
        return false;
    };
    match rest.token_tree() {
        None => false,
        Some((TokenTree::Punct(punct), _)) => {
            matches!(punct.as_char(), ':' | '&' | '*' | '|' | '<')
        }
        Some((TokenTree::Ident(ident), _)) => ident != "with" && ident != "as",
        Some(_) => true,
    }
}
