//! `push_task(key)`: the item becomes a record with one key.
//!
//! At the bottom, the item is the *task*: every failure in the record carries it. Inside a record it saves the whole
//! record under the key, until `pop_task(key, …)`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::{Form, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::Body;

pub(crate) static KIND: Kind = Kind {
    name: "push_task",
    usage: "push_task(key)",
    parse: |args, _| {
        let wrong = args.wrong();
        let key = syn::parse2(args.tokens).map_err(|_| wrong)?;
        Ok(Box::new(PushTask(key)))
    },
    calls: false,
    place: Place::Worker,
};

struct PushTask(Ident);

impl Form for PushTask {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.0.span()
    }

    fn name(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn writes(&self) -> Vec<&Ident> {
        vec![&self.0]
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        checker.not_shared(&self.0);
        if !scope.is_record() && scope.had_task() {
            let message =
                "a pipeline has one task, and it ended above; start a new one in another pipeline";
            checker.errors.at(self.0.span(), message);
        }
        scope.push(&self.0);
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let (before, record) = (body.item(), body.item_after());
        let value = body.record(|_| quote_spanned!(body.span()=> #before));
        let typed = body.typed_task();
        quote_spanned! {body.span()=>
            let #record = #value;
            #typed
            #rest
        }
    }
}
