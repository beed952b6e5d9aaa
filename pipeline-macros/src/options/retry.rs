//! `retry: Retry::exponential(3)`: an item that fails is tried again.

use super::{Spec, Takes, timeout};

pub(crate) static SPEC: Spec = Spec {
    name: "retry",
    takes: Takes::Value {
        is: "a `Retry`",
        example: "Retry::exponential(3)",
    },
    fits: |_, host| {
        Err(if host.drives() {
            "means nothing for a sink; it retries for itself".into()
        } else if host.is_plain() {
            "needs `:async`, `:block` or a count; a plain stage cannot wait".into()
        } else if !host.may_fail && !host.options.has(&timeout::SPEC) {
            "needs something that fails; write `?` after the form, or add a `timeout`".into()
        } else {
            return Ok(());
        })
    },
    hoisted: Some(|glue, span| glue.private("Retry", span)),
    emits: |emit| emit.flag("retries"),
};
