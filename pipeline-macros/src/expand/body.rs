//! What one stage's expansion may use inside its group's closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Index;

use super::records;
use crate::check::Placed;
use crate::forms::Form;
use crate::glue::Glue;
use crate::ir::{Flavour, Ir};

/// A stage inside its group.
pub(crate) struct Body<'a> {
    pub glue: &'a Glue,
    pub ir: &'a Ir,
    pub placed: &'a Placed,
    pub number: usize,
    pub flavour: Flavour,
    /// How many stages of the group multiply in front of it.
    pub level: usize,
    /// The function of the stage before: rustc marks it beside this one when they do not fit.
    pub previous: Span,
}

/// What a call takes by value, and so is not there after it failed.
#[derive(Clone, Copy)]
pub(crate) enum Owns<'a> {
    Nothing,
    /// The item, with its task.
    Item,
    /// One key of the record; its task is still there.
    Key(&'a Ident),
}

impl Body<'_> {
    /// The stage's function, for glue.
    pub(crate) fn span(&self) -> Span {
        self.glue.at(self.user_span())
    }

    /// `$crate::__private::name`, where rustc has nothing to say.
    pub(super) fn apart(&self, name: &str) -> TokenStream {
        self.glue.private(name, self.glue.apart())
    }

    pub(super) fn user_span(&self) -> Span {
        self.placed
            .stage
            .form()
            .map_or(self.placed.stage.span, Form::span)
    }

    pub(super) fn last_span(&self) -> Span {
        let stage = &self.placed.stage;
        stage.form().map_or(stage.span, Form::last)
    }

    /// `$crate::__private::name`, over all of the stage's function.
    pub(crate) fn private(&self, name: &str) -> TokenStream {
        self.glue.over(name, self.user_span(), self.last_span())
    }

    /// A field of the record before the stage.
    pub(crate) fn field(&self, key: &Ident) -> TokenStream {
        self.field_at(key, self.user_span())
    }

    pub(crate) fn field_at(&self, key: &Ident, at: Span) -> TokenStream {
        let (record, key) = (self.item_at(at), self.glue.relocated(key, at));
        quote_spanned!(self.glue.at(at)=> #record.#key)
    }

    /// The item before the stage.
    pub(crate) fn item(&self) -> TokenStream {
        self.item_at(self.previous)
    }

    pub(crate) fn item_at(&self, span: Span) -> TokenStream {
        let item = item_name(self.glue, self.placed.before.is_record(), span);
        quote!(#item)
    }

    /// A reference to it.
    pub(crate) fn lent_item(&self) -> TokenStream {
        let item = self.item();
        quote_spanned!(self.glue.at(self.previous)=> &#item)
    }

    /// The item after the stage.
    pub(crate) fn item_after(&self) -> Ident {
        item_name(self.glue, self.placed.after.is_record(), self.user_span())
    }

    /// The keys of the record before the stage.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Ident> {
        self.placed.before.keys().iter()
    }

    /// The record after the stage, with a value for each key.
    pub(crate) fn record(&self, value: impl Fn(&Ident) -> TokenStream) -> TokenStream {
        self.record_of(value, || self.task_handle())
    }

    /// The same with another handle of the task.
    pub(crate) fn record_of(
        &self,
        value: impl Fn(&Ident) -> TokenStream,
        handle: impl FnOnce() -> TokenStream,
    ) -> TokenStream {
        let (keys, at) = (self.placed.after.keys(), self.user_span());
        records::literal(self.glue, self.ir, keys, at, value, handle)
    }

    /// The record after the stage, with the local `value` for one key, or the parts of it for several, and the others as
    /// they were.
    pub(crate) fn record_with(&self, written: &[&Ident]) -> TokenStream {
        self.record(|key| match written.iter().position(|other| *other == key) {
            None => self.field(key),
            Some(_) if written.len() == 1 => quote_spanned!(self.span()=> value),
            Some(part) => {
                let part = Index::from(part);
                quote_spanned!(self.span()=> value.#part)
            }
        })
    }

    /// The statements that lend every key to an expression.
    pub(crate) fn lending(&self, at: Span) -> TokenStream {
        self.lending_but(at, &[])
    }

    /// The same without these.
    pub(crate) fn lending_but(&self, at: Span, but: &[Ident]) -> TokenStream {
        let allowed = self.allowed();
        let keys = self.keys().filter(|key| !but.contains(key));
        let lent = keys.map(|key| {
            let field = self.field_at(key, at);
            quote_spanned!(self.span()=> #allowed let #key = &#field;)
        });
        lent.collect()
    }

    /// What the names of keys that are lent may be.
    pub(crate) fn allowed(&self) -> TokenStream {
        quote_spanned! {self.glue.apart()=>
            #[allow(unused_variables, clippy::used_underscore_binding, clippy::no_effect_underscore_binding)]
        }
    }

    pub(crate) fn index(&self) -> TokenStream {
        let number = self.number;
        quote_spanned!(self.span()=> #number)
    }
}

/// The local that holds the item; rustc shows the name in its messages.
pub(crate) fn item_name(glue: &Glue, is_record: bool, span: Span) -> Ident {
    glue.ident(if is_record { "record" } else { "item" }, span)
}
