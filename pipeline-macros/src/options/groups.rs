//! `groups: 100`: how many groups may be open.

use proc_macro2::TokenStream;

use super::{Spec, Takes, by};

pub(crate) static SPEC: Spec = Spec {
    name: "groups",
    takes: Takes::Items,
    fits: |_, host| {
        if !host.gathers() {
            return Err("means nothing here; it is for `batch` and `fold` with `by`".into());
        }
        if !host.options.has(&by::SPEC) {
            return Err("needs a `by`; without it there is one group".into());
        }
        Ok(())
    },
    hoisted: None,
    emits: |_| TokenStream::new(),
};
