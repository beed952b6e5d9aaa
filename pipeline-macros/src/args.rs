//! The arguments of a form, before the form parses them.

use proc_macro2::{Group, Ident, Span, TokenStream};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, Token};

use crate::func::Func;

/// What stands between the parentheses of a form.
pub(crate) struct Args {
    form: &'static str,
    usage: &'static [&'static str],
    pub name: Span,
    pub tokens: TokenStream,
}

impl Args {
    /// Those of the form of this name and usage.
    pub(crate) fn new(
        form: &'static str,
        usage: &'static [&'static str],
        name: &Ident,
        args: &Group,
    ) -> Self {
        Self {
            form,
            usage,
            name: name.span(),
            tokens: args.stream(),
        }
    }

    /// The error of arguments that are not as they should be.
    pub(crate) fn wrong(&self) -> syn::Error {
        let usage = self.usage.join("` or `");
        let message = format!("`{}` is written `{usage}`", self.form);
        syn::Error::new(self.name, message)
    }

    /// The only argument, a function.
    pub(crate) fn function(self) -> syn::Result<Func> {
        let wrong = self.wrong();
        let mut args = arguments(self.tokens)?;
        match (args.pop(), args.pop()) {
            (Some(only), None) => Ok(Func::new(only)),
            _ => Err(wrong),
        }
    }
}

/// Expressions with commas between them.
pub(crate) fn arguments(tokens: TokenStream) -> syn::Result<Vec<Expr>> {
    let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
    Ok(parser.parse2(tokens)?.into_iter().collect())
}
