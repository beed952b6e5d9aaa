//! `filter(p)`: the item goes on if `p(&item)`; otherwise it is dropped and counted as filtered.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;

pub(crate) static KIND: Kind = Kind {
    name: "filter",
    usage: &["filter(p)"],
    parse: |args, _| Ok(Box::new(Filter(args.function()?))),
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::None,
    drops_futures: true,
};

struct Filter(Func);

impl Form for Filter {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.0)
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let keep = body.call(&self.0, &[body.lent_item()], Owns::Nothing);
        let drop = body.filtered();
        quote_spanned! {body.span()=>
            let keep: ::core::primitive::bool = #keep;
            if !keep {
                #drop
            }
            #rest
        }
    }
}
