//! `stateful(init, step, end)`: what an item becomes depends on those before it.
//!
//! `step` is lent the state and takes the item; it becomes the items of what that returns. `end` takes the state, at the
//! end, and where no more deliveries may wait for an output. `init` is an expression that is evaluated for each state.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;

use super::state::{begun, optional, unticketed};
use super::{Form, Key, Kind, Place};
use crate::args::arguments;
use crate::check::{Checker, Scope};
use crate::expand::{Owns, Wiring};
use crate::func::Func;
use crate::options::held;
use crate::syntax::ungrouped;

pub(crate) static KIND: Kind = Kind {
    name: "stateful",
    usage: &["stateful(init, |state, item| step, |state| end)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let span = args.name;
        let mut parts = arguments(args.tokens)?.into_iter();
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(init), Some(step), Some(end), None) => Ok(Box::new(Stateful {
                span,
                init: ungrouped(init),
                step: Func::new(step),
                end: Func::new(end),
            })),
            _ => Err(wrong),
        }
    },
    place: Place::OwnTask,
    directive: Err("its state is of one task"),
    question: true,
    key: Key::None,
    drops_futures: true,
};

/// What the functions must return.
const SHAPE: (&str, &str) = ("Yields", "outputs");

struct Stateful {
    span: Span,
    init: Expr,
    step: Func,
    end: Func,
}

impl Form for Stateful {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.step)
    }

    fn name(&self) -> Option<String> {
        None
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if self.end.is_value() {
            let message =
                "the end of a `stateful` is a closure or the path of a function: `|state| …`";
            checker.errors.at(self.end.span(), message);
        }
        scope.leave();
    }

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, body) = (wiring.glue, &wiring.body);
        let span = glue.at(self.span);
        let private = |name| glue.private(name, self.span);
        let step = private("Step");
        let (item, state) = (body.item(), glue.ident("state", self.step.span()));
        let stepped = body.call_shaped(
            &self.step,
            &[quote!(#state), quote!(#item)],
            Owns::Item,
            SHAPE,
        );
        let ended = body.call_plainly(&self.end, &[quote!(#state)], Owns::Item, SHAPE);
        let init = begun(&self.init, body);
        let port = if body.placed.stage.options.has(&held::SPEC) {
            wiring.port.clone()
        } else {
            unticketed(wiring, self.span)
        };
        let held = optional(wiring, &held::SPEC, self.span);
        let (stateful, opts, after) = (private("stateful"), &wiring.opts, &wiring.after);
        quote_spanned! {span=>
            #stateful(
                #port,
                #opts,
                #held,
                #init,
                move |#state: &mut _, #item| #step::Emit(#stepped),
                move |#state| #step::Emit(#ended),
                #after
            )
        }
    }
}
