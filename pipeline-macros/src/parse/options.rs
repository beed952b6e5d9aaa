//! `with { name: "…", buffer: n, unordered }`.

use proc_macro2::{Delimiter, Group, Ident};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{LitStr, Token, token};

use super::skip::skip_to_comma;
use crate::errors::Errors;
use crate::nearest::nearest;
use crate::options::{self, Given, Options, Spec, Takes, Value};

pub(super) fn options(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Options> {
    let mut options = Options::default();
    if !is_with(input) {
        return Ok(options);
    }
    input.parse::<Ident>()?;
    let group = match input.parse::<Group>() {
        Ok(group) if group.delimiter() == Delimiter::Brace => group,
        _ => return Err(input.error("options are written `with { timeout: … , unordered }`")),
    };
    if group.stream().is_empty() {
        errors.at(group.span(), "`with` needs an option; remove it");
    }
    let listed = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = option(input, &mut options, errors) {
                errors.push(error);
                skip_to_comma(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                errors.at(input.span(), "expected `,` between two options");
                skip_to_comma(input);
            }
            let _ = input.parse::<Option<Token![,]>>();
        }
        Ok(())
    };
    listed.parse2(group.stream())?;
    Ok(options)
}

/// Whether `with` comes next.
pub(super) fn is_with(input: ParseStream<'_>) -> bool {
    input
        .cursor()
        .ident()
        .is_some_and(|(word, _)| word == "with")
}

fn option(input: ParseStream<'_>, options: &mut Options, errors: &mut Errors) -> syn::Result<()> {
    let key = input.call(Ident::parse_any)?;
    let (spec, span) = (spec(&key, errors)?, key.span());
    let again = options.has(spec);
    if again {
        errors.at(span, format!("`{}` is given twice", spec.name));
    }
    let value = value(input, &key, spec)?;
    if !again {
        options.push(Given { spec, span, value });
    }
    Ok(())
}

/// The option of this name, or the one that was meant.
fn spec(key: &Ident, errors: &mut Errors) -> syn::Result<&'static Spec> {
    let word = key.to_string();
    if let Some(spec) = options::named(&word) {
        return Ok(spec);
    }
    let Some(spec) = nearest(&word, options::names()).and_then(options::named) else {
        if word == "bytes" {
            let message =
                "`bytes` stands in the parentheses of `batch`; write `batch(500, bytes: 5 << 20)`";
            return Err(syn::Error::new(key.span(), message));
        }
        let all: Vec<_> = options::names().map(|name| format!("`{name}`")).collect();
        let message = format!("no option `{word}`; there are {}", all.join(", "));
        return Err(syn::Error::new(key.span(), message));
    };
    let meant = spec.name;
    errors.at(
        key.span(),
        format!("no option `{word}`; did you mean `{meant}`?"),
    );
    Ok(spec)
}

/// What stands behind the name.
fn value(input: ParseStream<'_>, key: &Ident, spec: &Spec) -> syn::Result<Value> {
    match spec.takes {
        Takes::Nothing => flag(input, spec.name),
        Takes::Name { is, .. } => name(input, spec, is),
        Takes::Items | Takes::Value { .. } | Takes::Key { .. } => {
            colon(input, key, spec)?;
            Ok(Value::Expr(input.parse()?))
        }
        Takes::Text { .. } => {
            colon(input, key, spec)?;
            Ok(Value::Text(text(input, spec)?))
        }
    }
}

fn colon(input: ParseStream<'_>, key: &Ident, spec: &Spec) -> syn::Result<()> {
    let (word, usage) = (spec.name, spec.usage());
    if input.peek(Token![=]) {
        return Err(input.error(format!("`{word}` is written with `:`: `{usage}`")));
    }
    if !input.peek(Token![:]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{word}` needs a value: `{usage}`"),
        ));
    }
    input.parse::<Token![:]>().map(drop)
}

fn flag(input: ParseStream<'_>, word: &str) -> syn::Result<Value> {
    if input.peek(Token![:]) {
        return Err(input.error(format!("`{word}` takes no value; write `{word}` alone")));
    }
    Ok(Value::Nothing)
}

/// Nothing, or a name in parentheses.
fn name(input: ParseStream<'_>, spec: &Spec, is: &str) -> syn::Result<Value> {
    let (word, usage) = (spec.name, spec.usage());
    let written = format!("`{word}` is written alone, or with {is}: `{usage}`");
    let mut value = Value::Nothing;
    if input.peek(token::Paren) {
        let group = input.parse::<Group>()?;
        let named = syn::parse2::<Ident>(group.stream());
        value = Value::Name(named.map_err(|_| syn::Error::new(group.span(), &written))?);
    }
    if !input.is_empty() && !input.peek(Token![,]) {
        return Err(input.error(written));
    }
    Ok(value)
}

fn text(input: ParseStream<'_>, spec: &Spec) -> syn::Result<LitStr> {
    let (span, word, usage) = (input.span(), spec.name, spec.usage());
    let message = format!("`{word}` is a literal: `{usage}`");
    input.parse().map_err(|_| syn::Error::new(span, message))
}
