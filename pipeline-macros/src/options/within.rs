//! `within: duration`: how long a form keeps what it has seen.

use proc_macro2::TokenStream;

use super::{Misfit, Spec, Takes};
use crate::syntax::last_name;

pub(crate) static SPEC: Spec = Spec {
    name: "within",
    takes: Takes::Value {
        is: "a `Duration`",
        example: "Duration::from_secs(60)",
    },
    fits: |given, host| {
        if host.is("batch") {
            return Err("is the second argument of a `batch`: `batch(n, within)`".into());
        }
        if !host.is("dedup") && !host.is("fold") {
            return Err("means nothing here; it is for `dedup` and `fold`".into());
        }
        let name = given.expr().and_then(last_name);
        if name.is_some_and(|name| name == "ZERO") {
            let message = "a time of 0 would keep nothing; it is longer than that";
            return Err(Misfit::Value(message.to_owned()));
        }
        Ok(())
    },
    hoisted: None,
    // The form reads it.
    emits: |_| TokenStream::new(),
};
