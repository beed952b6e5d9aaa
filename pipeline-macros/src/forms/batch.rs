//! `batch(n)`, `batch(n, within)`: items are collected into a `Vec` of `n`; with `by`, those of one key.
//!
//! A batch goes on when it is full, when its first item has waited for `within`, and at the end; it is never empty. With
//! `bytes` it also goes on before the item with which it would be more bytes, as what is weighed holds, or `weight` says. With
//! `by` so many are open as `groups` says; over that the one that has had no item for longest goes on.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Lit, Token};

use super::by::By;
use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::Wiring;
use crate::options::{Options, by, groups, weight};
use crate::syntax::ends;

pub(crate) static KIND: Kind = Kind {
    name: "batch",
    usage: &["batch(n)", "batch(n, within)", "batch(n, bytes: 5 << 20)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let (parts, bytes) = parts.parse2(args.tokens)?;
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(size), within, None) => Ok(Box::new(Batch {
                span,
                size,
                within,
                bytes,
            })),
            _ => Err(wrong),
        }
    },
    place: Place::OwnTask,
    directive: Err("it collects in one task"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Batch {
    span: Span,
    size: Expr,
    within: Option<Expr>,
    bytes: Option<Expr>,
}

/// Expressions with commas between them, and `bytes: n`.
fn parts(input: ParseStream<'_>) -> syn::Result<(Vec<Expr>, Option<Expr>)> {
    let (mut parts, mut bytes) = (Vec::new(), None);
    while !input.is_empty() {
        if input.peek(syn::Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
            let name = input.call(syn::Ident::parse_any)?;
            input.parse::<Token![:]>()?;
            let value = input.parse()?;
            let message = match (name == "bytes", &bytes) {
                (true, None) => {
                    bytes = Some(value);
                    None
                }
                (true, Some(_)) => Some("`bytes` is there already; leave one of them out".into()),
                (false, _) => Some(format!(
                    "`batch` has no `{name}` in its parentheses, it has `bytes: 5 << 20`; options stand in `with {{ … }}`"
                )),
            };
            if let Some(message) = message {
                return Err(syn::Error::new(name.span(), message));
            }
        } else {
            parts.push(input.parse()?);
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok((parts, bytes))
}

impl Form for Batch {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn options(&self, options: &Options, _: &Scope, checker: &mut Checker<'_>) {
        By::options(options, checker);
        if let Some(given) = options.get(&weight::SPEC)
            && self.bytes.is_none()
        {
            let message = "`weight` says how many bytes an item is, and nothing here counts them; write `batch(n, bytes: 5 << 20)`";
            checker.errors.at(given.span, message);
        }
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        let mut at_least_1 = |written: &Expr, message| {
            if let Expr::Lit(lit) = written
                && let Lit::Int(int) = &lit.lit
                && int.base10_digits() == "0"
            {
                checker.errors.at(int.span(), message);
            }
        };
        at_least_1(
            &self.size,
            "a batch of 0 would never be full; it is at least 1",
        );
        if let Some(bytes) = &self.bytes {
            at_least_1(
                bytes,
                "a batch of 0 bytes has room for nothing; it is at least 1",
            );
        }
        scope.leave();
    }

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, size) = (wiring.glue, &self.size);
        let span = glue.at(self.span);
        let within = match &self.within {
            None => quote_spanned!(span=> ::core::option::Option::None),
            Some(within) => {
                let span = glue.at(ends(within).0);
                quote_spanned!(span=> ::core::option::Option::Some(#within))
            }
        };
        let Wiring {
            port, opts, after, ..
        } = wiring;
        let options = &wiring.body.placed.stage.options;
        if let Some(bytes) = &self.bytes {
            return self.of_bytes(&quote!(#bytes), &within, wiring);
        }
        // What is left out has been reported.
        if options.has(&weight::SPEC) {
            return self.of_bytes(&quote!(1), &within, wiring);
        }
        let Some(by) = options.expr(&by::SPEC) else {
            let batch = glue.private("batch", self.span);
            return quote_spanned!(span=> #batch(#port, #opts, #size, #within, #after));
        };
        let batch = glue.private("batch_by", self.span);
        // What is left out has been reported.
        let groups = options.expr(&groups::SPEC);
        let groups = groups.map_or_else(|| quote!(1), ToTokens::to_token_stream);
        let keyed = By::new(by.clone()).keyed(&wiring.body);
        quote_spanned! {span=>
            #batch(#port, #opts, #size, #within, #groups, #keyed, #after)
        }
    }
}

impl Batch {
    fn of_bytes(
        &self,
        bytes: &TokenStream,
        within: &TokenStream,
        wiring: &Wiring<'_>,
    ) -> TokenStream {
        let (glue, size, options) = (wiring.glue, &self.size, &wiring.body.placed.stage.options);
        let private = |name| glue.private(name, self.span);
        let weighed = options.expr(&weight::SPEC).map(|weight| {
            let weighed = By::weight(weight.clone()).weighed(&wiring.body);
            quote!(#weighed,)
        });
        let keyed = options.expr(&by::SPEC).map(|by| {
            let keyed = By::new(by.clone()).keyed(&wiring.body);
            // What is left out has been reported.
            let groups = options.expr(&groups::SPEC);
            let groups = groups.map_or_else(|| quote!(1), ToTokens::to_token_stream);
            quote!(#groups, #keyed,)
        });
        let batch = private(match (&weighed, &keyed) {
            (None, None) => "batch_bytes",
            (None, Some(_)) => "batch_bytes_by",
            (Some(_), None) => "batch_weighed",
            (Some(_), Some(_)) => "batch_weighed_by",
        });
        let sizes = private("Sizes");
        let Wiring {
            port, opts, after, ..
        } = wiring;
        quote_spanned! {glue.at(self.span)=>
            #batch(
                #port,
                #opts,
                #sizes { most: #size, bytes: #bytes, within: #within },
                #weighed
                #keyed
                #after
            )
        }
    }
}
