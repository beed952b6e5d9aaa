//! `buffer: n`: how many items may wait in front of the stage.

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "buffer",
    takes: Takes::Items,
    fits: |_, host| {
        if host.is_plain() && !host.has_task {
            return Err(
                "needs `:block`, `:async` or a count; a plain stage has no channel of its own"
                    .into(),
            );
        }
        Ok(())
    },
    hoisted: None,
    emits: |emit| emit.value(),
};
