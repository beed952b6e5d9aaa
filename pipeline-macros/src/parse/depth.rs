//! A limit where the stack has one.
//!
//! The parser and the printer recurse into nested groups and along chains of operators, on the stack that the compiler
//! gives them. Nobody writes a hundred levels; what a generator writes gets a message instead of a crash.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// What one path through the tokens may cost.
const LIMIT: usize = 1200;

/// What a group adds, next to one for each token of the expression in front of it.
const GROUP: usize = 8;

/// The place where it gets too deep, if it does.
pub(super) fn too_deep(tokens: TokenStream) -> Option<Span> {
    exceeds(tokens, 0)
}

fn exceeds(tokens: TokenStream, outside: usize) -> Option<Span> {
    let mut cost = outside;
    for token in tokens {
        cost += 1;
        if cost > LIMIT {
            return Some(token.span());
        }
        match token {
            TokenTree::Group(group) => {
                if let Some(span) = exceeds(group.stream(), cost + GROUP) {
                    return Some(span);
                }
                if group.delimiter() == Delimiter::Brace {
                    cost = outside;
                }
            }
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => cost = outside,
            _ => {}
        }
    }
    None
}
