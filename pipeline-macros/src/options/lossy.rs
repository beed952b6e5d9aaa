//! `lossy: 1000`: how many items a side line may be behind that nothing waits for.

use proc_macro2::TokenStream;

use super::{Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "lossy",
    takes: Takes::Items,
    fits: |_, host| {
        if host.is_tee {
            return Ok(());
        }
        Err("means nothing here; it is for `tee`".into())
    },
    hoisted: None,
    // It is said where the side line is wired.
    emits: |_| TokenStream::new(),
};
