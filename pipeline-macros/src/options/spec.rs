//! What every option has, and those that are written at a stage.

use std::ptr;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, LitStr};

use crate::directive::{Count, Mode};
use crate::glue::Glue;

/// What is known of an option before it is used.
pub(crate) struct Spec {
    pub name: &'static str,
    pub takes: Takes,
    /// Whether it means something where it is written, or what is wrong.
    pub fits: fn(&Given, &Host<'_>) -> Result<(), Misfit>,
    /// The type of the local that its value is evaluated into before anything runs; none if there is no such local.
    pub hoisted: Option<fn(&Glue, Span) -> TokenStream>,
    /// What it calls on the `Opts` of the group that is named after its stage.
    pub emits: fn(&Emit<'_>) -> TokenStream,
}

/// What is written behind an option's name.
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// `: 64`.
    Items,
    /// `: value`, of a type that a literal cannot have.
    Value {
        is: &'static str,
        example: &'static str,
    },
    /// `: expression`, what items are told apart by.
    Key { example: &'static str },
    /// `: "text"`.
    Text { example: &'static str },
    /// Nothing, or a name in parentheses.
    Name {
        is: &'static str,
        example: &'static str,
    },
}

impl Spec {
    /// How it is written: what messages advise.
    pub(crate) fn usage(&self) -> String {
        let name = self.name;
        match self.takes {
            Takes::Nothing => name.to_owned(),
            Takes::Items => format!("{name}: 64"),
            Takes::Value { example, .. } | Takes::Key { example } | Takes::Text { example } => {
                format!("{name}: {example}")
            }
            Takes::Name { example, .. } => format!("{name}({example})"),
        }
    }
}

/// What an option may ask of the stage that it is written at.
pub(crate) struct Host<'a> {
    /// The name of its form, if it has one.
    pub form: Option<&'static str>,
    pub mode: Mode,
    /// Whether it is a `match`.
    pub is_match: bool,
    /// Whether it is a `tee`.
    pub is_tee: bool,
    pub count: Option<&'a Count>,
    pub options: &'a Options,
    /// Whether a plain stage like this has a task of its own.
    pub has_task: bool,
    /// Whether it may make several items of one.
    pub multiplies: bool,
    /// Whether there is something in it that may fail.
    pub may_fail: bool,
    /// How many keys it writes with values of its own making.
    pub keys_made: usize,
}

impl Host<'_> {
    pub(crate) fn is(&self, form: &str) -> bool {
        self.form == Some(form)
    }

    /// Whether its form gathers items.
    pub(crate) fn gathers(&self) -> bool {
        self.is("batch") || self.is("fold")
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.mode == Mode::Fused
    }

    pub(crate) fn drives(&self) -> bool {
        self.mode == Mode::Drive
    }
}

/// What is wrong with an option.
pub(crate) enum Misfit {
    /// It means nothing here: what is said behind its name.
    Here(&'static str),
    /// Its value is not what it should be.
    Value(String),
}

impl From<&'static str> for Misfit {
    fn from(why: &'static str) -> Self {
        Self::Here(why)
    }
}

/// Where an option's call is written.
pub(crate) struct Emit<'a> {
    pub glue: &'a Glue,
    pub given: &'a Given,
    pub mode: Mode,
    /// The number of its stage.
    pub stage: usize,
}

impl Emit<'_> {
    /// `.method()`.
    pub(crate) fn flag(&self, method: &str) -> TokenStream {
        self.call(method, &TokenStream::new())
    }

    /// `.name(value)`.
    pub(crate) fn value(&self) -> TokenStream {
        self.call(self.given.spec.name, &self.given.value)
    }

    /// `.name(local)`.
    pub(crate) fn local(&self) -> TokenStream {
        self.call(
            self.given.spec.name,
            &self.given.local(self.glue, self.stage),
        )
    }

    fn call(&self, method: &str, args: &impl ToTokens) -> TokenStream {
        let span = self.glue.at(self.given.span);
        let method = Ident::new(method, span);
        quote_spanned!(span=> .#method(#args))
    }
}

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

    pub(crate) fn expr(&self, spec: &'static Spec) -> Option<&Expr> {
        self.get(spec)?.expr()
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
