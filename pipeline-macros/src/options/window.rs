//! `window: n`: how many items the stage may hold between taking and emitting in order.

use super::{Host, Misfit, Spec, Takes};
use crate::directive::Count;

pub(crate) static SPEC: Spec = Spec {
    name: "window",
    takes: Takes::Items,
    fits: |given, host| {
        reorders(host)?;
        match (host.count, given.number()) {
            (Some(Count::Literal(count, _)), Some(window)) if (1..*count).contains(&window) => {
                Err(Misfit::Value(format!(
                    "a window of {window} cannot hold the {count} items in work; it is at least the count"
                )))
            }
            _ => Ok(()),
        }
    },
    hoisted: None,
    emits: |emit| emit.value(),
};

/// Whether items can overtake each other in the stage, so that there is an order to keep or to give up.
pub(super) fn reorders(host: &Host<'_>) -> Result<(), Misfit> {
    if host.drives() {
        return Err("means nothing for a sink; it takes items as they arrive".into());
    }
    if host.is_plain() {
        return Err("needs `:block`, `:async` or a count; a plain stage keeps the order".into());
    }
    Ok(())
}
