//! The record types: a struct for each list of keys, a parameter for each key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

use super::Glue;
use crate::ir::Ir;

const MODULE: &str = "__brigade_records";

/// The module of the types. A module, so that the user's own `Record` is not hidden.
pub(crate) fn types(glue: &Glue, ir: &Ir) -> TokenStream {
    if ir.records.is_empty() {
        return TokenStream::new();
    }
    let span = glue.at(Span::call_site());
    let module = Ident::new(MODULE, span);
    let types = ir.records.iter().enumerate().map(|(number, keys)| {
        let name = name(number, span);
        let types = (0..keys.len()).map(|key| format_ident!("K{key}", span = span));
        let params: Vec<_> = types.collect();
        quote_spanned! {span=>
            #[derive(::core::fmt::Debug, ::core::clone::Clone)]
            #[allow(dead_code)]
            pub struct #name<#(#params),*> {
                #(pub #keys: #params,)*
            }
        }
    });
    quote_spanned!(span=> mod #module { #(#types)* })
}

/// A value of the type with these keys.
pub(crate) fn literal(
    glue: &Glue,
    ir: &Ir,
    keys: &[Ident],
    at: Span,
    value: impl Fn(&Ident) -> TokenStream,
) -> TokenStream {
    let span = glue.at(at);
    let (module, name) = (Ident::new(MODULE, span), name(ir.record(keys), span));
    let fields = keys.iter().map(|key| {
        let value = value(key);
        quote_spanned!(span=> #key: #value)
    });
    quote_spanned!(span=> #module::#name { #(#fields),* })
}

fn name(number: usize, span: Span) -> Ident {
    match number {
        0 => Ident::new("Record", span),
        _ => format_ident!("Record{}", number + 1, span = span),
    }
}
