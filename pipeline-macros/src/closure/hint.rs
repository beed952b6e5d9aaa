//! `sink::each(|f| …)` without a type.

use quote::{ToTokens as _, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Expr, Pat};

use crate::glue::Glue;
use crate::syntax::{ends, last_name, parenthesized, ungrouped};

/// `sink::each(|f| …)` whose closure does not say its type: the closure with `hint.of(&f)` in front of its body, so
/// that the type is known there. Any other expression as it is.
pub(crate) fn hinted(sink: &Expr, glue: &Glue) -> Option<Expr> {
    let Expr::Call(mut call) = ungrouped(sink.clone()) else {
        return None;
    };
    let name = last_name(&call.func)?;
    if name != "each" && name != "each_async" && name != "each_mut" {
        return None;
    }
    let mut args: Vec<Expr> = call.args.into_iter().map(ungrouped).collect();
    let [Expr::Closure(closure)] = args.as_mut_slice() else {
        return None;
    };
    let [pattern] = closure.inputs.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    if matches!(pattern, Pat::Type(_)) {
        return None;
    }
    let pattern = pattern.clone();
    let body = match &*closure.body {
        Expr::Block(block) => quote!(#block),
        other => parenthesized(quote!(#other), glue.at(ends(other).1)).to_token_stream(),
    };
    let span = glue.at(closure.inputs_begin.span);
    let (hint, item) = (glue.ident("hint", span), glue.ident("item", span));
    *closure.body = Expr::Verbatim(quote_spanned!(span=> {
        #hint.of(&#item);
        #[allow(clippy::no_effect_underscore_binding)]
        let #pattern = #item;
        #body
    }));
    closure.capture = Some(syn::Token![move](span));
    closure.inputs = Punctuated::from_iter([Pat::Verbatim(quote!(#item))]);
    call.args = args.into_iter().collect();
    Some(Expr::Call(call))
}
