//! `forget(key)`: drops a key's value early, to free its memory.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::Body;

pub(crate) static KIND: Kind = Kind {
    name: "forget",
    usage: &["forget(key)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let key = syn::parse2(args.tokens).map_err(|_| wrong)?;
        Ok(Box::new(Forget(key)))
    },
    place: Place::Worker,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Forget(Ident);

impl Form for Forget {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.0.span()
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if !checker.in_record(scope, self.0.span(), "forget") || !checker.reads(scope, &self.0) {
            return;
        }
        if checker.not_bottom(scope, &self.0, "forgotten") {
            scope.forget(&self.0);
        }
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let forgotten = body.field(&self.0);
        let record = body.item_after();
        let value = body.record(|key| body.field(key));
        quote_spanned! {body.span()=>
            ::core::mem::drop(#forgotten);
            let #record = #value;
            #rest
        }
    }
}
