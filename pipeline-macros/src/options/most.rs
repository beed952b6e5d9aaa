//! `most: 100_000`: how much a form keeps.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "most",
    takes: Takes::Items,
    fits: |_, host| {
        if host.is("dedup") || host.is("fold") {
            return Ok(());
        }
        Err("means nothing here; it is for `dedup` and `fold`".into())
    },
    hoisted: None,
    // The form reads it.
    emits: |_| TokenStream::new(),
};
