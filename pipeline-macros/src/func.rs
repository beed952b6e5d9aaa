//! A function in a form, and how it is called.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprClosure, Pat};

use crate::closure;
use crate::expand::Glue;

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

/// Removes the invisible groups around an argument of somebody's `macro_rules!`.
pub(crate) fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

/// The first and the last token of a piece of syntax.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let Some(first) = tokens.next() else {
        return (Span::call_site(), Span::call_site());
    };
    let last = tokens.last().unwrap_or_else(|| first.clone());
    let end = match &last {
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    };
    let start = match &first {
        TokenTree::Group(group) if group.delimiter() != Delimiter::None => group.span_open(),
        other => other.span(),
    };
    (start, end)
}

/// The last name in a path, or in the callee of a call of a path.
pub(crate) fn last_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Expr::Call(call) => last_name(&call.func),
        Expr::Group(group) => last_name(&group.expr),
        _ => None,
    }
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

/// What a call needs to know of its stage.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub stage: usize,
    pub is_async: bool,
    pub fallible: bool,
}

fn is_typed(closure: &ExprClosure) -> bool {
    !closure.inputs.is_empty()
        && closure
            .inputs
            .iter()
            .all(|input| matches!(input, Pat::Type(_)))
}

pub(crate) fn parenthesized(tokens: TokenStream, span: Span) -> Group {
    let mut group = Group::new(Delimiter::Parenthesis, tokens);
    group.set_span(span);
    group
}
