//! `batch(n)`, `batch(n, within)`: items are collected into a `Vec` of `n`; with `by`, those of one key.
//!
//! A batch goes on when it is full, when its first item has waited for `within`, and at the end; it is never empty. With
//! `by` so many are open as `groups` says; over that the one that has had no item for longest goes on.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, Lit};

use super::by::By;
use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::Wiring;
use crate::options::{Options, by, groups};
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

    fn options(&self, options: &Options, _: &Scope, checker: &mut Checker<'_>) {
        By::options(options, checker);
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
        let Wiring {
            port, opts, after, ..
        } = wiring;
        let options = &wiring.body.placed.stage.options;
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
