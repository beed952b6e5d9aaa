//! `by: user.id`: what items are told apart by.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "by",
    takes: Takes::Key {
        example: "|item| item.id",
    },
    fits: |_, host| {
        if host.gathers() {
            return Ok(());
        }
        Err("means nothing here; it is for `batch` and `fold`".into())
    },
    hoisted: None,
    // The form reads it.
    emits: |_| TokenStream::new(),
};
