//! `fold(init, step)`: one value is made of many items; with `by`, of those of each key.
//!
//! `init` is an expression that is evaluated for each value; `step` is lent the value and takes the item. The value goes on
//! when it is made of `most` items, when its first was taken `within` ago, and at the end.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::by::By;
use super::state::{begun, optional, unticketed};
use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::{Owns, Wiring};
use crate::func::Func;
use crate::options::{Options, by, groups, most, within};
use crate::syntax::ungrouped;

pub(crate) static KIND: Kind = Kind {
    name: "fold",
    usage: &["fold(init, |value, item| step)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let mut parts = arguments(args.tokens)?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(init), Some(step), None) => Ok(Box::new(Fold {
                span,
                init: ungrouped(init),
                step: Func::new(step),
            })),
            _ => Err(wrong),
        }
    },
    place: Place::OwnTask,
    directive: Err("its values are of one task"),
    question: true,
    key: Key::None,
    drops_futures: true,
};

struct Fold {
    span: Span,
    init: Expr,
    step: Func,
}

impl Form for Fold {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.step)
    }

    fn name(&self) -> Option<String> {
        None
    }

    fn options(&self, options: &Options, _: &Scope, checker: &mut Checker<'_>) {
        By::options(options, checker);
    }

    fn check(&self, scope: &mut Scope, _: &mut Checker<'_>) {
        scope.leave();
    }

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, body) = (wiring.glue, &wiring.body);
        let options = &body.placed.stage.options;
        let span = glue.at(self.span);
        let private = |name| glue.private(name, self.span);
        let (step, bounds) = (private("Step"), private("Bounds"));
        let (item, value) = (body.item(), glue.ident("value", self.step.span()));
        let args = [quote!(#value), quote!(#item)];
        let folded = body.call_shaped(&self.step, &args, Owns::Item, ("Folded", "folded"));
        let init = begun(&self.init, body);
        let port = if options.has(&most::SPEC) {
            wiring.port.clone()
        } else {
            unticketed(wiring, self.span)
        };
        let most = optional(wiring, &most::SPEC, self.span);
        let within = optional(wiring, &within::SPEC, self.span);
        let groups = options.expr(&groups::SPEC);
        let groups = groups.map_or_else(|| quote!(1), ToTokens::to_token_stream);
        let by = options.expr(&by::SPEC).map(|by| {
            let keyed = By::new(by.clone()).keyed(body);
            quote_spanned!(span=> #keyed,)
        });
        let fold = private(if by.is_some() { "fold_by" } else { "fold" });
        let (opts, after) = (&wiring.opts, &wiring.after);
        quote_spanned! {span=>
            #fold(
                #port,
                #opts,
                #bounds { most: #most, within: #within, groups: #groups },
                #by
                #init,
                move |#value: &mut _, #item| #step::Emit(#folded),
                #after
            )
        }
    }
}
