//! A function in a form, and how it is called.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, ExprClosure, Pat};

use crate::closure::{self, How};
use crate::glue::Glue;
use crate::syntax::{ends, last_name, parenthesized, ungrouped};

/// What stands in a form where a function is wanted.
pub(crate) struct Func {
    expr: Expr,
    kind: Kind,
}

enum Kind {
    /// Called directly, so that references coerce.
    Path,
    /// A closure that says the types of its parameters: the same.
    Typed,
    /// A closure that does not: called through a helper that tells it.
    Closure,
    /// Anything else is evaluated once, before the pipeline starts.
    Value,
}

impl Func {
    pub(crate) fn new(expr: Expr) -> Self {
        let expr = ungrouped(expr);
        let kind = match &expr {
            Expr::Path(_) => Kind::Path,
            Expr::Closure(closure) if is_typed(closure) => Kind::Typed,
            Expr::Closure(_) => Kind::Closure,
            _ => Kind::Value,
        };
        Self { expr, kind }
    }

    /// Its first token.
    pub(crate) fn span(&self) -> Span {
        ends(&self.expr).0
    }

    /// Its last token.
    pub(crate) fn last(&self) -> Span {
        ends(&self.expr).1
    }

    /// The closure, if it is one.
    pub(crate) fn closure(&self) -> Option<&ExprClosure> {
        match &self.expr {
            Expr::Closure(closure) => Some(closure),
            _ => None,
        }
    }

    /// Whether it is neither a path nor a closure.
    pub(crate) fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Value)
    }

    /// The last segment of a path.
    pub(crate) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Path => last_name(&self.expr).map(ToString::to_string),
            _ => None,
        }
    }

    /// The statement that evaluates it, if it is neither a path nor a closure.
    pub(crate) fn hoisted(&self, glue: &Glue, stage: usize) -> TokenStream {
        let Kind::Value = self.kind else {
            return TokenStream::new();
        };
        let expr = &self.expr;
        let (first, _) = ends(expr);
        let name = glue.numbered("function", stage, first);
        quote_spanned!(glue.at(first)=> let #name = #expr;)
    }

    /// The call.
    pub(crate) fn call(&self, glue: &Glue, how: How, args: &[TokenStream]) -> TokenStream {
        let (first, last) = ends(&self.expr);
        let expr = &self.expr;
        match (&self.kind, expr) {
            (Kind::Typed, Expr::Closure(closure)) => {
                let closure = closure::prepared(closure, how, glue);
                let function = parenthesized(quote!(#closure), glue.at(first));
                let args = parenthesized(quote!(#(#args),*), glue.at(last));
                quote!(#function #args)
            }
            (Kind::Closure, Expr::Closure(closure)) => {
                let closure = closure::prepared(closure, how, glue);
                let call = glue.private(&format!("call{}", args.len()), first);
                let args = parenthesized(quote!(#closure, #(#args),*), glue.at(last));
                quote!(#call #args)
            }
            (Kind::Value, _) => {
                let function = glue.numbered("function", how.stage, first);
                let args = parenthesized(quote!(#(#args),*), last);
                quote!(#function #args)
            }
            _ => {
                let args = parenthesized(quote!(#(#args),*), last);
                quote!(#expr #args)
            }
        }
    }
}

fn is_typed(closure: &ExprClosure) -> bool {
    !closure.inputs.is_empty()
        && closure
            .inputs
            .iter()
            .all(|input| matches!(input, Pat::Type(_)))
}
