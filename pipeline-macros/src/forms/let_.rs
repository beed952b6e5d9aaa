//! `let key = expression`: a Rust `let` over the record. `let (a, b) = expression` writes several keys.
//!
//! Every key is in scope as a shared reference; the value becomes `key`. `?` anywhere in the expression goes to the
//! error channel, and in an `:async` stage it may `.await`. Writing a key again shadows it: the old value is dropped,
//! the type may change. Plain Rust otherwise: a value cannot borrow from another key, a key hides a function of its name.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Pat, Token, Type, token};

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::closure;
use crate::errors::Errors;
use crate::expand::{Body, Owns};
use crate::syntax::{ends, ungrouped};
use crate::text;

static KIND: Kind = Kind {
    name: "let",
    usage: &["let key = expression", "let (a, b) = expression"],
    parse: |args, _| Err(args.wrong()),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::Made { hides: true },
    drops_futures: false,
};

struct Let {
    /// At least one.
    keys: Vec<Ident>,
    /// `(a, _, b)`, where the value is taken apart.
    tuple: Option<Group>,
    ty: Option<Type>,
    value: Expr,
}

pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Box<dyn Form>> {
    input.parse::<Token![let]>()?;
    let tuple = input.peek(token::Paren).then(|| input.parse::<Group>());
    let tuple = tuple.transpose()?;
    let keys = match &tuple {
        Some(tuple) => keys(tuple, errors)?,
        None => vec![key(input, errors)?],
    };
    let ty = match input.parse::<Option<Token![:]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    if !input.peek(Token![=]) {
        return Err(input.error("a `let` stage is written `let key = expression`"));
    }
    input.parse::<Token![=]>()?;
    let value = ungrouped(input.parse()?);
    Ok(Box::new(Let {
        keys,
        tuple,
        ty,
        value,
    }))
}

fn key(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Ident> {
    let wrong = "a `let` stage writes a key, or a tuple of keys: `let key = …`, `let (a, b) = …`";
    let span = input.span();
    part(input, errors, wrong)?.ok_or_else(|| syn::Error::new(span, wrong))
}

/// The keys in a tuple of names.
fn keys(tuple: &Group, errors: &mut Errors) -> syn::Result<Vec<Ident>> {
    let wrong =
        "in a tuple of keys there are names and `_`; take a part apart in a `let` of its own";
    let mut parts = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            parts.push(part(input, errors, wrong)?);
            if input.is_empty() {
                break;
            }
            if !input.peek(Token![,]) {
                return Err(input.error(wrong));
            }
            input.parse::<Token![,]>()?;
        }
        Ok(())
    };
    all.parse2(tuple.stream())?;
    let count = parts.len();
    let keys: Vec<_> = parts.into_iter().flatten().collect();
    if count < 2 || keys.is_empty() {
        let message =
            "a tuple of keys has two parts or more, and a key among them: `let (a, b) = …`";
        return Err(syn::Error::new(tuple.span(), message));
    }
    Ok(keys)
}

/// A key, or `_`.
fn part(input: ParseStream<'_>, errors: &mut Errors, wrong: &str) -> syn::Result<Option<Ident>> {
    let span = input.span();
    if input.peek(Token![mut]) {
        errors.at(span, "a key is not changed in place; remove the `mut`");
        input.parse::<Token![mut]>()?;
    }
    super::form::no_keyword(input)?;
    match Pat::parse_single(input) {
        Ok(Pat::Ident(pat)) if pat.subpat.is_none() && pat.by_ref.is_none() => Ok(Some(pat.ident)),
        Ok(Pat::Wild(_)) => Ok(None),
        _ => Err(syn::Error::new(span, wrong)),
    }
}

impl Form for Let {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.keys[0].span()
    }

    fn last(&self) -> Span {
        self.keys.last().map_or_else(|| self.span(), Ident::span)
    }

    fn name(&self) -> Option<String> {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|key| key.unraw().to_string())
            .collect();
        let keys = keys.join(", ");
        Some(if self.keys.len() == 1 {
            keys
        } else {
            format!("({keys})")
        })
    }

    fn writes(&self) -> Vec<&Ident> {
        self.keys.iter().collect()
    }

    fn may_fail(&self) -> bool {
        closure::may_fail(&self.value)
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        let keys = self.written();
        if let Some(span) = closure::own_await(&self.value)
            && !checker.is_async
        {
            let message = format!("`.await` needs `:async`; write `:async let {keys} = …`");
            checker.errors.at(span, message);
        }
        if let Some(span) = self.borrows(&self.value, scope) {
            let clone = match &self.value {
                Expr::Tuple(_) => "(….clone(), …)",
                _ => "….clone()",
            };
            let message =
                format!("a key cannot borrow from another key; clone it: `let {keys} = {clone}`");
            checker.errors.at(span, message);
        } else if checker.is_async && closure::never_waits(&self.value) {
            let message = format!(
                "`:async let {keys} = …` waits for nothing; write `….await`, or leave out the `:async`"
            );
            checker.errors.at(self.span(), message);
        }
        self.no_key_twice(checker);
        let in_record = checker.in_record(scope, self.span(), "let");
        for key in &self.keys {
            checker.not_shared(key);
            if in_record && checker.not_bottom(scope, key, "changed") {
                scope.write(key);
            }
        }
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let value = body.guarded(&self.attempt(body), Owns::Nothing);
        let record = body.item_after();
        let next = body.record_with(&self.writes());
        quote_spanned! {body.span()=>
            let value = #value;
            let #record = #next;
            #rest
        }
    }
}

impl Let {
    /// What stands behind the `let`.
    fn written(&self) -> String {
        match &self.tuple {
            Some(tuple) => text::source([tuple.clone().into()]),
            None => self.keys[0].to_string(),
        }
    }

    /// Where the value, or a part of it, is nothing of its own.
    fn borrows(&self, value: &Expr, scope: &Scope) -> Option<Span> {
        match value {
            Expr::Reference(reference) => Some(reference.and_token.span),
            // Under a type that is written, what is lent may be taken for what it lends.
            _ if self.tuple.is_none() || self.ty.is_some() => None,
            // Keys are lent, so the parts of one are, too.
            Expr::Path(path) => {
                let key = path.path.get_ident().filter(|key| scope.has(key));
                key.map(Ident::span)
            }
            Expr::Tuple(tuple) => tuple
                .elems
                .iter()
                .find_map(|part| self.borrows(part, scope)),
            _ => None,
        }
    }

    fn no_key_twice(&self, checker: &mut Checker<'_>) {
        for (number, key) in self.keys.iter().enumerate() {
            if self.keys[..number].contains(key) {
                let message = format!("`{key}` is written twice by one `let`; choose another key");
                checker.errors.at(key.span(), message);
            }
        }
    }

    /// The statements inside the guard: every key lent, and the expression.
    fn attempt(&self, body: &Body<'_>) -> TokenStream {
        let (allowed, lent) = (body.allowed(), body.lending(ends(&self.value).0));
        let (keys, expr, raised) = (&self.keys, &self.value, body.private("Raised"));
        let ty = self.ty.as_ref().map(|ty| quote!(: #ty));
        let made = match &self.tuple {
            None => quote_spanned!(body.span()=> let value #ty = #expr;),
            Some(tuple) => quote_spanned! {body.span()=>
                #[allow(clippy::ignored_unit_patterns)]
                let #tuple #ty = #expr;
                #allowed let value = (#(#keys),*);
            },
        };
        quote_spanned! {body.span()=>
            #lent
            #made
            ::core::result::Result::Ok::<_, #raised>(value)
        }
    }
}
