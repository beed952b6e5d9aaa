//! The record types: a struct for each list of keys, a parameter for each key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

use crate::glue::Glue;
use crate::ir::Ir;

pub(super) const MODULE: &str = "__brigade_records";

/// The module of the types, and of those of lanes. A module, so that the user's own `Record` is not hidden.
pub(crate) fn types(glue: &Glue, ir: &Ir, lanes: &TokenStream) -> TokenStream {
    if ir.records.is_empty() && lanes.is_empty() {
        return TokenStream::new();
    }
    let span = glue.apart();
    let module = Ident::new(MODULE, span);
    let handle = ir.is_journaled.then(|| handle_field(glue));
    let types = ir.records.iter().enumerate().map(|(number, keys)| {
        let name = name(number, span);
        let types = (0..keys.len()).map(|key| format_ident!("K{key}", span = span));
        let params: Vec<_> = types.collect();
        let id = ir.is_journaled.then(|| task_id(glue, &name, &params));
        quote_spanned! {span=>
            #[derive(::core::fmt::Debug, ::core::clone::Clone)]
            #[allow(dead_code)]
            pub struct #name<#(#params),*> {
                #(pub #keys: #params,)*
                #handle
            }
            #id
        }
    });
    quote_spanned!(span=> mod #module { #(#types)* #lanes })
}

/// The field with the handle of the task.
fn handle_field(glue: &Glue) -> TokenStream {
    let span = glue.apart();
    let (name, task) = (glue.handle(span), glue.private("Task", span));
    quote_spanned!(span=> pub #name: #task,)
}

/// How a closure learns the id of the task that its record belongs to.
fn task_id(glue: &Glue, record: &Ident, params: &[Ident]) -> TokenStream {
    let span = glue.apart();
    let handle = glue.handle(span);
    quote_spanned! {span=>
        #[allow(dead_code)]
        impl<#(#params),*> #record<#(#params),*> {
            pub fn task_id(&self) -> ::std::sync::Arc<str> {
                ::core::clone::Clone::clone(self.#handle.id())
            }
        }
    }
}

/// A value of the type with these keys.
pub(crate) fn literal(
    glue: &Glue,
    ir: &Ir,
    keys: &[Ident],
    at: Span,
    value: impl Fn(&Ident) -> TokenStream,
    handle: impl FnOnce() -> TokenStream,
) -> TokenStream {
    let span = glue.at(at);
    let (module, name) = (Ident::new(MODULE, span), name(ir.record(keys), span));
    let fields = keys.iter().map(|key| {
        let value = value(key);
        quote_spanned!(span=> #key: #value)
    });
    let handle = ir.is_journaled.then(|| {
        let (name, handle) = (glue.handle(at), handle());
        quote_spanned!(span=> #name: #handle,)
    });
    quote_spanned!(span=> #module::#name { #(#fields,)* #handle })
}

fn name(number: usize, span: Span) -> Ident {
    match number {
        0 => Ident::new("Record", span),
        _ => format_ident!("Record{}", number + 1, span = span),
    }
}
