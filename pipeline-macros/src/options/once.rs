//! `once`, `once(token)`: the stage's value is recorded in the journal, and read back when the task comes again.
//!
//! It emits nothing for the group: the code of its stage asks the journal, and a stage behind it waits for the answer.

use proc_macro2::{Ident, TokenStream};

use super::{Options, Spec, Takes, Value};

pub(crate) static SPEC: Spec = Spec {
    name: "once",
    takes: Takes::Name {
        is: "a name for the task's token",
        example: "token",
    },
    fits: |_, host| {
        match host.keys_made {
        0 => Err("needs a key of its own to record under; write `let key = …` or `mapduce(a => key, f)`".into()),
        1 => Ok(()),
        _ => Err("records the value of one key; write `let both = …`, and behind it `let (a, b) = both.clone()`".into()),
    }
    },
    hoisted: None,
    emits: |_| TokenStream::new(),
};

/// The name of the idempotency token in the stage's expression.
pub(crate) fn token(options: &Options) -> Option<&Ident> {
    match &options.get(&SPEC)?.value {
        Value::Name(token) => Some(token),
        _ => None,
    }
}
