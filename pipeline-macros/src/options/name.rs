//! `name: "parse"`: the stage's name in reports, failures, spans and threads.

use proc_macro2::TokenStream;
use syn::LitStr;

use super::{Misfit, Options, Spec, Takes, Value};
use crate::directive::Mode;

pub(crate) static SPEC: Spec = Spec {
    name: "name",
    takes: Takes::Text {
        example: "\"parse\"",
    },
    fits: |given, _| match &given.value {
        Value::Text(text) if text.value().trim().is_empty() => Err(Misfit::Value(
            "`name` is empty; a report would not show it".to_owned(),
        )),
        Value::Text(text) if text.value().contains('/') => Err(Misfit::Value(
            "a `name` has no `/`, which stands between the names of a path".to_owned(),
        )),
        _ => Ok(()),
    },
    hoisted: None,
    // It goes before the name that a sink has of its own.
    emits: |emit| match emit.mode {
        Mode::Drive => emit.flag("named"),
        _ => TokenStream::new(),
    },
};

/// The name that is written.
pub(crate) fn of(options: &Options) -> Option<&LitStr> {
    match &options.get(&SPEC)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
