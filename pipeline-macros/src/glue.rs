//! The tokens that are not the user's.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

/// Makes all glue in one hygiene context, that of `$crate`, each piece located at a token of the user's: rustc then
/// marks that token, and never joins spans up to the whole macro call.
pub(crate) struct Glue {
    krate: Ident,
}

impl Glue {
    pub(crate) fn new(krate: Ident) -> Self {
        Self { krate }
    }

    /// The span of glue that stands at no token and that rustc has nothing to say about: that of `$crate` itself, which
    /// is not in the user's file, so that an editor does not take it for what the user wrote.
    pub(crate) fn apart(&self) -> Span {
        self.krate.span()
    }

    /// The span of glue at a token.
    pub(crate) fn at(&self, span: Span) -> Span {
        self.krate.span().located_at(span)
    }

    /// `$crate::__private::name`.
    pub(crate) fn private(&self, name: &str, span: Span) -> TokenStream {
        let span = self.at(span);
        let mut krate = self.krate.clone();
        krate.set_span(span);
        let name = Ident::new(name, span);
        quote_spanned!(span=> #krate::__private::#name)
    }

    /// The same over several of the user's tokens, all of which rustc then marks.
    pub(crate) fn over(&self, name: &str, first: Span, last: Span) -> TokenStream {
        let (span, name) = (self.at(first), Ident::new(name, self.at(last)));
        let mut krate = self.krate.clone();
        krate.set_span(span);
        quote_spanned!(span=> #krate::__private::#name)
    }

    /// A local name that no token of the user's can see.
    pub(crate) fn ident(&self, name: &str, span: Span) -> Ident {
        Ident::new(name, self.at(span))
    }

    /// A key as glue: no name of the user's.
    pub(crate) fn relocated(&self, key: &Ident, span: Span) -> Ident {
        let mut key = key.clone();
        key.set_span(self.at(span));
        key
    }

    /// The field of a record that holds the handle of its task.
    pub(crate) fn handle(&self, span: Span) -> Ident {
        self.ident("__task", span)
    }

    /// The same with a number.
    pub(crate) fn numbered(&self, name: &str, number: usize, span: Span) -> Ident {
        format_ident!("{name}{number}", span = self.at(span))
    }
}
