//! What is written: tokens and spans.

use proc_macro2::{Ident, Span};
use syn::Expr;

use crate::directive::{Directive, Mode};
use crate::forms::Form;
use crate::options::Options;

/// A whole `pipeline! { … }`.
pub(crate) struct Pipeline {
    pub header: Option<Header>,
    pub journal: Option<Journal>,
    pub shares: Vec<Share>,
    pub stages: Vec<Stage>,
    /// Whether something could not be parsed, so that stages or the header may be missing.
    pub lost: bool,
}

/// `[input, errors]`.
pub(crate) struct Header {
    pub input: Expr,
    pub errors: Option<Expr>,
}

/// `journal = expr;`.
pub(crate) struct Journal {
    /// The word.
    pub span: Span,
    pub value: Expr,
}

/// One of `use api, db = self.db;`.
pub(crate) struct Share {
    pub name: Ident,
    pub value: Option<Expr>,
}

/// One stage.
pub(crate) struct Stage {
    /// Its first token.
    pub span: Span,
    /// Its source text.
    pub text: String,
    pub directive: Option<Directive>,
    pub body: Body,
    pub question: Option<Span>,
    pub options: Options,
}

/// What a stage does.
pub(crate) enum Body {
    Form(Box<dyn Form>),
    /// The sink of `:drive`.
    Drive(Box<Expr>),
}

impl Stage {
    pub(crate) fn mode(&self) -> Mode {
        self.directive.as_ref().map_or(Mode::Fused, |d| d.mode)
    }

    pub(crate) fn is_async(&self) -> bool {
        self.mode() == Mode::Async
    }

    /// Whether it has workers of its own.
    pub(crate) fn is_annotated(&self) -> bool {
        matches!(
            self.mode(),
            Mode::Tasks | Mode::Block | Mode::Async | Mode::Journal
        )
    }

    pub(crate) fn form(&self) -> Option<&dyn Form> {
        match &self.body {
            Body::Form(form) => Some(form.as_ref()),
            Body::Drive(_) => None,
        }
    }
}
