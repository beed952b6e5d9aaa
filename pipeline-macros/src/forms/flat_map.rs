//! `flat_map(f)`: the item becomes the items of `f(item)`, an `IntoIterator`; there may be none, or no end of them.
//!
//! They stay together and in order, and are handed on one by one: the bound of the pipeline holds however many there are.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;

pub(crate) static KIND: Kind = Kind {
    name: "flat_map",
    usage: &["flat_map(f)"],
    parse: |args, _| Ok(Box::new(FlatMap(args.function()?))),
    place: Place::Multiplies,
    directive: Ok(()),
    question: true,
    key: Key::None,
    drops_futures: true,
};

/// What the function must return.
const SHAPE: (&str, &str) = ("Outputs", "outputs");

struct FlatMap(Func);

impl Form for FlatMap {
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
        let called = body.call_shaped(&self.0, &[body.item()], Owns::Item, SHAPE);
        let (outputs, label) = (body.outputs(), body.label());
        let (item, index) = (body.item_after(), body.index());
        let guard = body.private("guard");
        let failed = body.fail(Owns::Item);
        let done = body.after_outputs();
        quote_spanned! {body.span()=>
            let mut #outputs = #called;
            #label: loop {
                let next = #guard(|| ::core::result::Result::Ok(
                    ::core::iter::Iterator::next(&mut #outputs)
                ));
                let #item = match next {
                    ::core::result::Result::Ok(::core::option::Option::Some(item)) => item,
                    ::core::result::Result::Ok(::core::option::Option::None) => break #label,
                    ::core::result::Result::Err(cause) => #failed,
                };
                emitter.emitted(#index);
                #rest
            }
            #done
        }
    }
}
