//! `dedup(by)`: an item is dropped if one of the same key was seen before.
//!
//! `by` is a function of the item, or in a record an expression over its keys, which are in scope as shared references.
//! What is remembered is bounded by `most`, and by the time `within` since the first sight.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::by::By;
use super::state::optional;
use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns, Wiring};
use crate::ir::Flavour;
use crate::options::{Options, most, within};

pub(crate) static KIND: Kind = Kind {
    name: "dedup",
    usage: &["dedup(|item| item.id) with { most: 100_000 }"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let mut parts = arguments(args.tokens)?;
        match (parts.pop(), parts.pop()) {
            (Some(by), None) => Ok(Box::new(Dedup {
                span,
                by: By::new(by),
            })),
            _ => Err(wrong),
        }
    },
    place: Place::Sequential,
    directive: Err("one task remembers what was seen"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Dedup {
    span: Span,
    by: By,
}

impl Form for Dedup {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn options(&self, options: &Options, scope: &Scope, checker: &mut Checker<'_>) {
        self.by.check(scope, checker);
        if !options.has(&most::SPEC) {
            let message = "`dedup` needs to know how many keys it may remember; write `with { most: 100_000 }`";
            checker.errors.at(self.span, message);
        }
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let (span, raised) = (body.span(), body.private("Raised"));
        let key = self.by.checked(body, "Marks", "mark");
        let attempt =
            quote_spanned!(span=> ::core::result::Result::Ok::<_, #raised>(sight.knows(#key)));
        let (known, drop) = (body.guarded(&attempt, Owns::Nothing), body.filtered());
        quote_spanned! {span=>
            if #known {
                #drop
            }
            #rest
        }
    }

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, options) = (wiring.glue, &wiring.body.placed.stage.options);
        let span = glue.at(self.span);
        let within = optional(wiring, &within::SPEC, self.span);
        // What is left out has been reported.
        let most = options.expr(&most::SPEC);
        let most = most.map_or_else(|| quote!(1), ToTokens::to_token_stream);
        let (dedup, whole) = (
            glue.private("dedup", self.span),
            (wiring.whole)(Flavour::Sighted),
        );
        let (port, opts) = (&wiring.port, &wiring.opts);
        quote_spanned!(span=> #dedup(#port, #opts, #most, #within, #whole))
    }
}
