//! `filter_map(f)`: the item becomes what `f(item)` holds; `None` drops it and counts it as filtered.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;

pub(crate) static KIND: Kind = Kind {
    name: "filter_map",
    usage: &["filter_map(f)"],
    parse: |args, _| Ok(Box::new(FilterMap(args.function()?))),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::None,
    drops_futures: true,
};

/// What the function must return.
const SHAPE: (&str, &str) = ("Optional", "option");

struct FilterMap(Func);

impl Form for FilterMap {
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
        let value = body.call_shaped(&self.0, &[body.item()], Owns::Item, SHAPE);
        let (item, drop) = (body.item_after(), body.filtered());
        quote_spanned! {body.span()=>
            let #item = match #value {
                ::core::option::Option::Some(value) => value,
                ::core::option::Option::None => { #drop }
            };
            #rest
        }
    }
}
