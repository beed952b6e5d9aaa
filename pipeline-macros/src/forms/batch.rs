//! `batch(n)`, `batch(n, within)`: items are collected into a `Vec` of `n`.
//!
//! A batch goes on when it is full, when its first item has waited for `within`, and at the end; it is never empty.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, Lit};

use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::Wiring;
use crate::syntax::ends;

pub(crate) static KIND: Kind = Kind {
    name: "batch",
    usage: &["batch(n)", "batch(n, within)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let mut parts = arguments(args.tokens)?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(size), within, None) => Ok(Box::new(Batch { span, size, within })),
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
}

impl Form for Batch {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if let Expr::Lit(lit) = &self.size
            && let Lit::Int(int) = &lit.lit
            && int.base10_digits() == "0"
        {
            checker.errors.at(
                int.span(),
                "a batch of 0 would never be full; it is at least 1",
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
        let batch = glue.private("batch", self.span);
        let Wiring {
            port, opts, after, ..
        } = wiring;
        quote_spanned!(span=> #batch(#port, #opts, #size, #within, #after))
    }
}
