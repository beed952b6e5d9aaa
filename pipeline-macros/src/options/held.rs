//! `held: 1000`: how many deliveries may wait for an output.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "held",
    takes: Takes::Items,
    fits: |_, host| {
        if host.is("stateful") {
            return Ok(());
        }
        Err("means nothing here; it is for `stateful`".into())
    },
    hoisted: None,
    // The form reads it.
    emits: |_| TokenStream::new(),
};
