//! `tee`: what its side line gets, and how that is wired.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::records::MODULE;
use super::{Body, Expander, Owns};
use crate::ast;
use crate::glue::Glue;
use crate::ir::{Input, Tee, Unit};
use crate::options::lossy;
use crate::syntax::ends;

impl Expander<'_> {
    /// The statement that makes what the side line gets, of an item that is lent.
    pub(super) fn made(&self, tee: &ast::Tee, body: &Body<'_>) -> TokenStream {
        let (value, raised) = (value(tee, body), body.private("Raised"));
        let attempt =
            quote_spanned!(body.span()=> #value ::core::result::Result::Ok::<_, #raised>(made));
        let guarded = body.guarded(&attempt, Owns::Nothing);
        let local = local(self.glue, body.number);
        quote_spanned!(body.span()=> let #local = #guarded;)
    }

    /// The item as it leaves the group: with what was made of it.
    pub(super) fn beside(&self, tee: &Tee, item: &TokenStream) -> TokenStream {
        let made = local(self.glue, tee.stage);
        quote_spanned!(self.glue.apart()=> (#item, #made))
    }

    /// The statements that wire a side line.
    pub(super) fn side(&self, stage: usize, units: &[Unit]) -> TokenStream {
        let at = self.span_of(stage);
        let (span, tee) = (self.glue.at(at), self.glue.private("tee", at));
        let (port, side) = (
            self.port_name(Input::Stage(stage), at),
            self.port_name(Input::Side { of: stage }, at),
        );
        let units = self.units(units);
        let options = &self.stages()[stage].stage.options;
        let wired = match options.expr(&lossy::SPEC) {
            None => quote_spanned!(span=> #tee(#port, #stage)),
            Some(lag) => {
                let lossy = self.glue.private("lossy", at);
                quote_spanned!(span=> #lossy(#port, #stage, #lag))
            }
        };
        quote_spanned!(span=> let (#port, #side) = #wired; #units)
    }

    /// The types of records that are cloned: without their tasks, and what is known of those.
    pub(super) fn copies(&self) -> TokenStream {
        let span = self.glue.apart();
        let types = self.ir.tees.iter().filter_map(|tee| {
            let placed = &self.stages()[tee.stage];
            let copies = placed.stage.tee()?.value.is_none() && placed.before.is_record();
            let keys = copies.then(|| placed.before.keys().iter().skip(1))?;
            let params = (0..keys.len()).map(|key| format_ident!("K{key}", span = span));
            let (params, name) = (params.collect::<Vec<_>>(), copied(tee.stage, span));
            Some(quote_spanned! {span=>
                #[derive(::core::fmt::Debug, ::core::clone::Clone)]
                #[allow(dead_code)]
                pub struct #name<#(#params),*> {
                    #(pub #keys: #params,)*
                }
            })
        });
        let types = types.collect::<TokenStream>();
        quote!(#types)
    }
}

/// The statements that make it.
fn value(tee: &ast::Tee, body: &Body<'_>) -> TokenStream {
    let span = body.span();
    let Some(value) = &tee.value else {
        let copy = copy(body);
        return quote_spanned!(span=> let made = #copy;);
    };
    let at = ends(value).0;
    let lent = match &tee.item {
        None => body.lending(at),
        Some(name) => {
            let item = body.item_at(at);
            let allowed = body.allowed();
            quote_spanned!(span=> #allowed let #name = &#item;)
        }
    };
    quote_spanned!(span=> #lent let made = #value;)
}

/// A clone of the item; of a record without its task.
fn copy(body: &Body<'_>) -> TokenStream {
    let span = body.span();
    if !body.placed.before.is_record() {
        let item = body.item_at(body.placed.stage.span);
        return quote_spanned!(span=> ::core::clone::Clone::clone(&#item));
    }
    let (module, name) = (Ident::new(MODULE, span), copied(body.number, span));
    let fields = body.keys().skip(1).map(|key| {
        let field = body.field(key);
        quote_spanned!(span=> #key: ::core::clone::Clone::clone(&#field))
    });
    quote_spanned!(span=> #module::#name { #(#fields),* })
}

/// The local that holds what the side line gets.
fn local(glue: &Glue, stage: usize) -> Ident {
    glue.numbered("made", stage, glue.apart())
}

fn copied(stage: usize, span: Span) -> Ident {
    format_ident!("Copy{stage}", span = span)
}
