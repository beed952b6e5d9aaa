//! `rate: Rate::per_second(100)`: how often calls may begin.

use syn::{Expr, Lit};

use super::{Misfit, Spec, Takes};

pub(crate) static SPEC: Spec = Spec {
    name: "rate",
    takes: Takes::Value {
        is: "a `Rate`",
        example: "Rate::per_second(100)",
    },
    fits: |given, host| {
        if host.drives() {
            return Err("means nothing for a sink; write it at a stage in front of it".into());
        }
        if host.is_plain() {
            return Err("needs `:async`, `:block` or a count; a plain stage cannot wait".into());
        }
        match given.expr().and_then(zero) {
            Some(message) => Err(Misfit::Value(message.into())),
            None => Ok(()),
        }
    },
    hoisted: Some(|glue, span| glue.private("Rate", span)),
    emits: |emit| emit.local(),
};

/// What is wrong with a rate of which a part is written as 0.
fn zero(rate: &Expr) -> Option<&'static str> {
    let (of, args) = match rate {
        Expr::MethodCall(call) => {
            if let Some(message) = zero(&call.receiver) {
                return Some(message);
            }
            (&call.method, &call.args)
        }
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => (&path.path.segments.last()?.ident, &call.args),
            _ => return None,
        },
        _ => return None,
    };
    let Some(Expr::Lit(first)) = args.first() else {
        return None;
    };
    let is_zero =
        matches!(&first.lit, Lit::Int(int) if int.base10_parse::<u64>().is_ok_and(|int| int == 0));
    let message = match of.to_string().as_str() {
        "per_second" | "per" => "a rate of 0; a rate is at least 1",
        "burst" => "a burst of 0; a burst is at least 1",
        "each" => "a rate for each of 0 keys; they are at least 1",
        _ => return None,
    };
    is_zero.then_some(message)
}
