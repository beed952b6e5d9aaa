//! `let key = expression`: a Rust `let` over the record.
//!
//! Every key is in scope as a shared reference; the value becomes `key`. `?` anywhere in the expression goes to the
//! error channel, and in an `:async` stage it may `.await`. Writing a key again shadows it: the old value is dropped,
//! the type may change. Plain Rust otherwise: a value cannot borrow from another key, a key hides a function of its name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Expr, Pat, Token, Type};

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::closure;
use crate::errors::Errors;
use crate::expand::{Body, Owns};
use crate::syntax::{ends, ungrouped};

static KIND: Kind = Kind {
    name: "let",
    usage: &["let key = expression"],
    parse: |args, _| Err(args.wrong()),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::Made { hides: true },
    drops_futures: false,
};

struct Let {
    key: Ident,
    ty: Option<Type>,
    value: Expr,
}

pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Box<dyn Form>> {
    input.parse::<Token![let]>()?;
    if input.peek(Token![mut]) {
        errors.at(
            input.span(),
            "a key is not changed in place; remove the `mut`",
        );
        input.parse::<Token![mut]>()?;
    }
    let key = key(input)?;
    let ty = match input.parse::<Option<Token![:]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    if !input.peek(Token![=]) {
        return Err(input.error("a `let` stage is written `let key = expression`"));
    }
    input.parse::<Token![=]>()?;
    let value = ungrouped(input.parse()?);
    Ok(Box::new(Let { key, ty, value }))
}

fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    let span = input.span();
    let one = "a `let` stage writes one key: `let key = expression`";
    super::form::no_keyword(input)?;
    match Pat::parse_single(input) {
        Ok(Pat::Ident(pat)) if pat.subpat.is_none() && pat.by_ref.is_none() => Ok(pat.ident),
        _ => Err(syn::Error::new(span, one)),
    }
}

impl Form for Let {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.key.span()
    }

    fn name(&self) -> Option<String> {
        Some(self.key.to_string())
    }

    fn writes(&self) -> Vec<&Ident> {
        vec![&self.key]
    }

    fn may_fail(&self) -> bool {
        closure::may_fail(&self.value)
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if let Some(span) = closure::own_await(&self.value)
            && !checker.is_async
        {
            let message = format!(
                "`.await` needs `:async`; write `:async let {} = …`",
                self.key
            );
            checker.errors.at(span, message);
        }
        if let Expr::Reference(reference) = &self.value {
            let message = format!(
                "a key cannot borrow from another key; clone it: `let {} = ….clone()`",
                self.key
            );
            checker.errors.at(reference.and_token.span, message);
        } else if checker.is_async && closure::never_waits(&self.value) {
            let key = &self.key;
            let message = format!(
                "`:async let {key} = …` waits for nothing; write `….await`, or leave out the `:async`"
            );
            checker.errors.at(key.span(), message);
        }
        checker.not_shared(&self.key);
        if checker.in_record(scope, self.key.span(), "let")
            && checker.not_bottom(scope, &self.key, "changed")
        {
            scope.write(&self.key);
        }
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let value = body.guarded(&self.attempt(body), Owns::Nothing);
        let record = body.item_after();
        let next = body.record_with(&self.key);
        quote_spanned! {body.span()=>
            let value = #value;
            let #record = #next;
            #rest
        }
    }
}

impl Let {
    /// The statements inside the guard: every key lent, and the expression.
    fn attempt(&self, body: &Body<'_>) -> TokenStream {
        let allowed = quote_spanned! {body.glue.apart()=>
            #[allow(unused_variables, clippy::used_underscore_binding)]
        };
        let lent = body.keys().map(|key| {
            let field = body.field_at(key, ends(&self.value).0);
            quote_spanned!(body.span()=> #allowed let #key = &#field;)
        });
        let (expr, raised) = (&self.value, body.private("Raised"));
        let ty = self.ty.as_ref().map(|ty| quote!(: #ty));
        quote_spanned! {body.span()=>
            #(#lent)*
            let value #ty = #expr;
            ::core::result::Result::Ok::<_, #raised>(value)
        }
    }
}
