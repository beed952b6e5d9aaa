//! Where parsing goes on after a mistake.

use proc_macro2::TokenTree;
use syn::Token;
use syn::parse::ParseStream;

/// What stands before the next `,` is left out.
pub(super) fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
