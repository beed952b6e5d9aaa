//! All mistakes of a pipeline at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The errors so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// An error at one token.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// An error over all tokens of `node`.
    pub(crate) fn over(&mut self, node: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(node, message));
    }

    /// What a parser returned.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `expanded` if there are no errors. Otherwise the errors, of which the last is the tail expression: its type is
    /// the error type, which silences rustc. Editors still see the expansion, in glue at `span`.
    pub(crate) fn instead_of(self, expanded: TokenStream, span: Span) -> TokenStream {
        if self.0.is_empty() {
            return expanded;
        }
        let mut errors: Vec<_> = self.0.iter().map(syn::Error::to_compile_error).collect();
        let last = errors.pop();
        quote_spanned! {span=> {
            #[allow(unexpected_cfgs)]
            {
                #[cfg(rust_analyzer)]
                { let _ = #expanded; }
            }
            #(#errors;)*
            #last
        }}
    }
}
