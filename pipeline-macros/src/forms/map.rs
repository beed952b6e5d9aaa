//! `map(f)`: the item becomes `f(item)`.
//!
//! `f` takes the item by value; of a record it takes the whole record, which ends there. A function's path alone,
//! `:async 8 fetch`, is short for `map(fetch)`.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;

pub(crate) static KIND: Kind = Kind {
    name: "map",
    usage: &["map(f)"],
    parse: |args, _| Ok(of(args.function()?)),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::None,
    drops_futures: false,
};

struct Map(Func);

/// What a function's path alone means.
pub(crate) fn of(function: Func) -> Box<dyn Form> {
    Box::new(Map(function))
}

impl Form for Map {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.0)
    }

    fn check(&self, scope: &mut Scope, _: &mut Checker<'_>) {
        scope.leave();
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let value = body.call(&self.0, &[body.item()], Owns::Item);
        let item = body.item_after();
        quote_spanned! {body.span()=>
            let #item = #value;
            #rest
        }
    }
}
