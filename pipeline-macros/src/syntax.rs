//! Pieces of syntax: where they begin and end, and what is in them.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;
use syn::buffer::Cursor;

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

pub(crate) fn parenthesized(tokens: TokenStream, span: Span) -> Group {
    let mut group = Group::new(Delimiter::Parenthesis, tokens);
    group.set_span(span);
    group
}

/// The tokens from here to there.
pub(crate) fn between(mut begin: Cursor<'_>, end: Cursor<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while begin < end {
        let Some((token, next)) = begin.token_tree() else {
            break;
        };
        tokens.extend([token]);
        begin = next;
    }
    tokens
}
