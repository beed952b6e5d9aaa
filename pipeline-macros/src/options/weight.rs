//! `weight: |item| item.len()`: how many bytes an item is.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "weight",
    takes: Takes::Key {
        example: "|item| item.len()",
    },
    fits: |_, host| {
        if host.is("batch") {
            return Ok(());
        }
        Err("means nothing here; it is for `batch(500, bytes: …)`, an input is weighed by `source::weighed`".into())
    },
    hoisted: None,
    // The form reads it.
    emits: |_| TokenStream::new(),
};
