//! `with { name: "…", buffer: n, unordered }`.

use proc_macro2::{Delimiter, Group, Ident};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Token};

use super::skip::skip_to_comma;
use crate::ast::{Once, Options, Setting};
use crate::errors::Errors;
use crate::nearest::nearest;
use crate::options::{NAMES, example};

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
    let mut word = key.to_string();
    if !NAMES.contains(&word.as_str()) {
        let Some(meant) = nearest(&word, NAMES) else {
            let all = NAMES.map(|name| format!("`{name}`")).join(", ");
            return Err(syn::Error::new(
                key.span(),
                format!("no option `{word}`; there are {all}"),
            ));
        };
        errors.at(
            key.span(),
            format!("no option `{word}`; did you mean `{meant}`?"),
        );
        meant.clone_into(&mut word);
    }
    if options.has(&word) {
        errors.at(key.span(), format!("`{word}` is given twice"));
    }
    if word == "once" {
        options.once = Some(once(input, &key)?);
        return Ok(());
    }
    if word == "unordered" || word == "pool" {
        return flag(input, options, &key, &word);
    }
    if input.peek(Token![=]) {
        return Err(input.error(format!(
            "`{word}` is written with `:`: `{word}: {}`",
            example(&word)
        )));
    }
    if !input.peek(Token![:]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{word}` needs a value: `{word}: {}`", example(&word)),
        ));
    }
    input.parse::<Token![:]>()?;
    if word == "name" {
        options.name = Some(name(input)?);
        return Ok(());
    }
    let setting = Setting {
        span: key.span(),
        value: input.parse::<Expr>()?,
    };
    *options.slot(&word) = Some(setting);
    Ok(())
}

/// Behind `once`: nothing, or a name for the token.
fn once(input: ParseStream<'_>, key: &Ident) -> syn::Result<Once> {
    let written = "`once` is written alone, or with a name for the task's token: `once(token)`";
    let mut token = None;
    if input.peek(syn::token::Paren) {
        let group = input.parse::<Group>()?;
        let named = syn::parse2::<Ident>(group.stream());
        token = Some(named.map_err(|_| syn::Error::new(group.span(), written))?);
    }
    if !input.is_empty() && !input.peek(Token![,]) {
        return Err(input.error(written));
    }
    let span = key.span();
    Ok(Once { span, token })
}

fn flag(input: ParseStream<'_>, options: &mut Options, key: &Ident, word: &str) -> syn::Result<()> {
    if input.peek(Token![:]) {
        return Err(input.error(format!("`{word}` takes no value; write `{word}` alone")));
    }
    let slot = match word {
        "pool" => &mut options.pool,
        _ => &mut options.unordered,
    };
    *slot = Some(key.span());
    Ok(())
}

fn name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let span = input.span();
    let name: LitStr = input
        .parse()
        .map_err(|_| syn::Error::new(span, "`name` is a literal: `name: \"parse\"`"))?;
    if name.value().trim().is_empty() {
        return Err(syn::Error::new(
            span,
            "`name` is empty; a report would not show it",
        ));
    }
    Ok(name)
}

impl Options {
    fn slot(&mut self, word: &str) -> &mut Option<Setting> {
        match word {
            "buffer" => &mut self.buffer,
            "window" => &mut self.window,
            "timeout" => &mut self.timeout,
            _ => &mut self.retry,
        }
    }

    fn has(&mut self, word: &str) -> bool {
        match word {
            "name" => self.name.is_some(),
            "unordered" => self.unordered.is_some(),
            "pool" => self.pool.is_some(),
            "once" => self.once.is_some(),
            _ => self.slot(word).is_some(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.unordered.is_none()
            && self.pool.is_none()
            && self.once.is_none()
            && [&self.buffer, &self.window, &self.timeout, &self.retry]
                .iter()
                .all(|setting| setting.is_none())
    }
}
