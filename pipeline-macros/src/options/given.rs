//! The options that are written at a stage.

use std::ptr;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, LitStr};

use super::Spec;
use crate::glue::Glue;

/// `with { … }`, in the order of writing.
#[derive(Default)]
pub(crate) struct Options(Vec<Given>);

/// One option.
pub(crate) struct Given {
    pub spec: &'static Spec,
    /// Its name.
    pub span: Span,
    pub value: Value,
}

/// What is written behind the name.
pub(crate) enum Value {
    Nothing,
    Expr(Expr),
    Text(LitStr),
    Name(Ident),
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Nothing => {}
            Self::Expr(expr) => expr.to_tokens(tokens),
            Self::Text(text) => text.to_tokens(tokens),
            Self::Name(name) => name.to_tokens(tokens),
        }
    }
}

impl Options {
    pub(crate) fn get(&self, spec: &'static Spec) -> Option<&Given> {
        self.0.iter().find(|given| ptr::eq(given.spec, spec))
    }

    pub(crate) fn has(&self, spec: &'static Spec) -> bool {
        self.get(spec).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, given: Given) {
        self.0.push(given);
    }
}

impl Given {
    pub(crate) fn expr(&self) -> Option<&Expr> {
        match &self.value {
            Value::Expr(expr) => Some(expr),
            _ => None,
        }
    }

    /// Its value where that is a literal number.
    pub(crate) fn number(&self) -> Option<usize> {
        match self.expr()? {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Int(int) => int.base10_parse().ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The local that its value is evaluated into, at a stage.
    pub(crate) fn local(&self, glue: &Glue, stage: usize) -> Ident {
        glue.numbered(self.spec.name, stage, self.span)
    }

    /// The statement that evaluates it, if it is one that is evaluated before anything runs.
    pub(crate) fn hoisted(&self, glue: &Glue, stage: usize) -> Option<TokenStream> {
        let ty = self.spec.hoisted?(glue, self.span);
        let (local, value) = (self.local(glue, stage), &self.value);
        Some(quote_spanned!(glue.at(self.span)=> let #local: #ty = #value;))
    }
}
