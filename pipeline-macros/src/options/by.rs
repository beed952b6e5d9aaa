//! `by: user.id`: what items are told apart by. A stage with workers works on those of one key one at a time, in order.

use proc_macro2::TokenStream;

use super::{Spec, Takes, unordered};
use crate::directive::{Count, Mode};

pub(crate) static SPEC: Spec = Spec {
    name: "by",
    takes: Takes::Key {
        example: "|item| item.id",
    },
    fits: |_, host| {
        Err(if host.gathers() {
            return Ok(());
        } else if host.drives() {
            "means nothing for a sink; write it at the stage that must not mix up the order".into()
        } else if host.is_plain() {
            "needs `:async`, `:block` or a count; a plain stage takes one item after the other"
                .into()
        } else if !host.count.is_some_and(Count::is_parallel) {
            "needs a count over 1; one at a time is always in order".into()
        } else if host.multiplies && !host.options.has(&unordered::SPEC) {
            // Outputs that wait for their turn keep their places, and so might be in the way of what they wait for.
            "needs `unordered` where a stage makes several items of one; write `with { by: …, unordered }`".into()
        } else {
            return Ok(());
        })
    },
    hoisted: None,
    // The form reads it, where that gathers items.
    emits: |emit| match emit.mode {
        Mode::Fused => TokenStream::new(),
        _ => emit.flag("by"),
    },
};
