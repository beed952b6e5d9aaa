//! `through(segment)`: the stages of a segment, a header-less `pipeline! { … }`, wired in place.
//!
//! A segment takes whole items, so it cannot stand inside a record. It is used up: what is reused is a function that
//! returns one.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::Wiring;
use crate::syntax::{ends, last_name, ungrouped};

pub(crate) static KIND: Kind = Kind {
    name: "through",
    usage: &["through(segment)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let mut parts = arguments(args.tokens)?;
        match (parts.pop(), parts.pop()) {
            (Some(segment), None) => Ok(Box::new(Through {
                span,
                segment: ungrouped(segment),
            })),
            _ => Err(wrong),
        }
    },
    place: Place::Wired,
    directive: Err("the stages of the segment have their own"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Through {
    span: Span,
    segment: Expr,
}

impl Form for Through {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        ends(&self.segment).0
    }

    fn name(&self) -> Option<String> {
        last_name(&self.segment).map(ToString::to_string)
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if scope.is_record() {
            let message = "`through` takes the whole item; `pop_task` first, or write the segment's stages here";
            checker.errors.at(self.span, message);
        }
    }

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, segment) = (wiring.glue, &self.segment);
        let through = glue.private("through", self.span);
        let (port, opts) = (&wiring.port, &wiring.opts);
        quote_spanned!(glue.at(self.span)=> #through(#port, &#opts, #segment))
    }
}
