//! `unordered`: what is done first goes on first.

use super::window::reorders;
use super::{Spec, Takes};
use crate::directive::Count;

pub(crate) static SPEC: Spec = Spec {
    name: "unordered",
    takes: Takes::Nothing,
    fits: |_, host| {
        if host.is_match {
            return Ok(());
        }
        reorders(host)?;
        if !host.count.is_some_and(Count::is_parallel) {
            return Err("needs a count over 1; one at a time is always in order".into());
        }
        Ok(())
    },
    hoisted: None,
    emits: |emit| emit.flag("unordered"),
};
