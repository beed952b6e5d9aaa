//! `pool`: the stage runs on tokio's blocking pool, and not on threads of its own.

use super::{Spec, Takes};
use crate::directive::Mode;

pub(crate) static SPEC: Spec = Spec {
    name: "pool",
    takes: Takes::Nothing,
    fits: |_, host| match host.mode {
        Mode::Block => Ok(()),
        _ => Err("needs `:block`; nothing else runs on threads".into()),
    },
    hoisted: None,
    emits: |emit| emit.flag("pool"),
};
