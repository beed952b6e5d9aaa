//! `timeout: after`: a call that takes longer is left behind, and its item fails.

use quote::quote_spanned;

use super::{Spec, Takes};
use crate::directive::Mode;

pub(crate) static SPEC: Spec = Spec {
    name: "timeout",
    takes: Takes::Value {
        is: "a `Duration`",
        example: "Duration::from_secs(5)",
    },
    fits: |_, host| match host.mode {
        Mode::Block | Mode::Async => Ok(()),
        _ => Err("needs `:async` or `:block`; no other call can be left behind".into()),
    },
    hoisted: Some(|glue, span| quote_spanned!(glue.at(span)=> ::core::time::Duration)),
    emits: |emit| emit.local(),
};
