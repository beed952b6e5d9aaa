//! What the forms with a state of the user's have in common.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use crate::expand::{Body, Owns, Wiring};
use crate::options::Spec;
use crate::syntax::ends;

/// A closure that begins a state: `init` is evaluated, or called where it is written as a closure.
pub(super) fn begun(init: &Expr, body: &Body<'_>) -> TokenStream {
    let value = match init {
        Expr::Closure(closure) if closure.inputs.is_empty() => &closure.body,
        other => other,
    };
    let first = ends(value).0;
    let (span, private) = (body.glue.at(first), |name| body.glue.private(name, first));
    let (step, raised) = (private("Step"), private("Raised"));
    let attempt = quote_spanned!(span=> ::core::result::Result::Ok::<_, #raised>(#value));
    let state = body.guarded(&attempt, Owns::Item);
    quote_spanned!(span=> move || #step::Emit(#state))
}

/// The value of an option that may be left out.
pub(super) fn optional(wiring: &Wiring<'_>, option: &'static Spec, at: Span) -> TokenStream {
    let span = wiring.glue.at(at);
    match wiring.body.placed.stage.options.expr(option) {
        None => quote_spanned!(span=> ::core::option::Option::None),
        Some(value) => {
            let span = wiring.glue.at(ends(value).0);
            quote_spanned!(span=> ::core::option::Option::Some(#value))
        }
    }
}

/// The port, of items that are no deliveries: those wait for something to come of them, and there is no bound.
pub(super) fn unticketed(wiring: &Wiring<'_>, at: Span) -> TokenStream {
    let glue = wiring.glue;
    let (port, check, local) = (
        &wiring.port,
        glue.private("Unticketed", at),
        glue.ident("port", at),
    );
    quote_spanned!(glue.at(at)=> { let #local = #port; #check::<_>::unticketed(#local) })
}
