//! `weight: |item| item.len()`: how many bytes an item is.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "weight",
    takes: Takes::Key {
        example: "|item| item.len()",
    },
    fits: |_, host| {
        if host.is("batch") || host.form.is_some_and(is_of_outputs) {
            return Ok(());
        }
        Err("means nothing here; it is for what makes items (`map`, `filter_map`, `flat_map`, keys), and for `batch(500, bytes: …)`; an input is weighed by `source::weighed`".into())
    },
    hoisted: None,
    // A `batch` reads it, and behind another form stands a stage that does.
    emits: |_| TokenStream::new(),
};

/// Whether it weighs what a form of this name makes: a stage behind that does so. A `batch` counts by it.
pub(crate) fn is_of_outputs(form: &str) -> bool {
    [
        "map",
        "filter_map",
        "flat_map",
        "let",
        "mapduce",
        "forget",
        "pop_task",
    ]
    .contains(&form)
}
