//! `tap(f)`: calls `f(&item)` for its side effect; the item goes on unchanged.
//!
//! What `f` returns is dropped; with `?` an `Err` fails the item. The workers of a group share `f`, so it cannot change
//! what it captures: count with an atomic (`counter.fetch_add(1, Relaxed)`), collect with a `Mutex` or a channel.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;

pub(crate) static KIND: Kind = Kind {
    name: "tap",
    usage: &["tap(f)"],
    parse: |args, _| Ok(Box::new(Tap(args.function()?))),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::None,
    drops_futures: true,
};

struct Tap(Func);

impl Form for Tap {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.0)
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let value = body.call(&self.0, &[body.lent_item()], Owns::Nothing);
        quote_spanned! {body.span()=>
            let _ = #value;
            #rest
        }
    }
}
