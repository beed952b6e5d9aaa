//! `[input, errors]`, `journal = journal;` and `use api, db = self.db;`.

use proc_macro2::Group;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token, token};

use crate::ast::{Header, Journal, Share};
use crate::errors::Errors;

pub(super) fn header(input: ParseStream<'_>, errors: &mut Errors) -> Option<Header> {
    if !input.peek(token::Bracket) {
        return None;
    }
    let group: Group = input.parse().ok()?;
    if input.peek(Token![,]) {
        errors.at(
            input.span(),
            "no `,` after the header; the first stage follows it directly",
        );
        let _ = input.parse::<Token![,]>();
    }
    let ends = match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(group.stream()) {
        Ok(ends) => ends,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let mut ends = ends.into_iter();
    let (input, failures) = (ends.next(), ends.next());
    if let Some(more) = ends.next() {
        errors.over(more, "a header is `[input]` or `[input, errors]`");
    }
    let Some(input) = input else {
        errors.at(
            group.span(),
            "a header needs an input: `[input]` or `[input, errors]`; a segment has no header",
        );
        return None;
    };
    Some(Header {
        input,
        errors: failures,
    })
}

/// The lines between the header and the first stage.
pub(super) fn settings(
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> (Option<Journal>, Vec<Share>) {
    let (mut journals, mut shares) = (Vec::new(), Vec::new());
    loop {
        let line = if input.peek(Token![use]) {
            line(input, &mut shares)
        } else if is_journal(input) {
            journal(input, &mut journals)
        } else {
            break;
        };
        if let Err(error) = line {
            errors.push(error);
            while !input.is_empty() && !input.peek(Token![;]) && !input.peek(Token![,]) {
                let _ = input.parse::<proc_macro2::TokenTree>();
            }
            let _ = input.parse::<Option<Token![;]>>();
            let _ = input.parse::<Option<Token![,]>>();
        }
    }
    for second in journals.iter().skip(1) {
        errors.at(second.span, "`journal` is given twice; a pipeline has one");
    }
    (journals.into_iter().next(), shares)
}

/// Whether a journal is named, or somebody tries to.
pub(super) fn is_journal(input: ParseStream<'_>) -> bool {
    let word = input.cursor().ident();
    let sets = input.peek2(Token![=]) || input.peek2(Token![;]) || input.peek2(Token![:]);
    word.is_some_and(|(word, _)| word == "journal") && sets && !input.peek2(Token![::])
}

/// `journal = …;`
fn journal(input: ParseStream<'_>, journals: &mut Vec<Journal>) -> syn::Result<()> {
    let span = input.parse::<Ident>()?.span();
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Err(syn::Error::new(
            span,
            "a journal is named with `journal = journal;`",
        ));
    }
    let value = input.parse()?;
    journals.push(Journal { span, value });
    if input.parse::<Option<Token![;]>>()?.is_none() {
        return Err(input.error("`journal` ends with `;`: `journal = journal;`"));
    }
    Ok(())
}

/// One `use …;`.
fn line(input: ParseStream<'_>, shares: &mut Vec<Share>) -> syn::Result<()> {
    input.parse::<Token![use]>()?;
    loop {
        shares.push(share(input)?);
        if input.parse::<Option<Token![;]>>()?.is_some() {
            return Ok(());
        }
        if !input.peek(Token![,]) {
            return Err(input.error("`use` ends with `;`: `use api, db = self.db;`"));
        }
        input.parse::<Token![,]>()?;
    }
}

fn share(input: ParseStream<'_>) -> syn::Result<Share> {
    if input.peek(Token![self]) {
        return Err(input.error("`use` needs a name for it; write `use db = self.db;`"));
    }
    let name: Ident = input.parse().map_err(|error| {
        syn::Error::new(error.span(), "`use` takes names: `use api, db = self.db;`")
    })?;
    if input.peek(Token![::]) || input.peek(Token![.]) {
        return Err(input.error("`use` needs a name for it; write `use db = self.db;`"));
    }
    let value = match input.parse::<Option<Token![=]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    Ok(Share { name, value })
}
