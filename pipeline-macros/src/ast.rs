//! What is written: tokens and spans.

use proc_macro2::{Ident, Span};
use syn::{Expr, LitStr};

use crate::forms::Form;

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

/// `:block 2`, `:async (n)`, `4`, `:drive`.
pub(crate) struct Directive {
    pub span: Span,
    pub mode: Mode,
    pub count: Count,
}

/// How a stage runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// In the worker of a neighbour.
    Fused,
    /// `4 form`.
    Tasks,
    /// `:block form`.
    Block,
    /// `:async form`.
    Async,
    /// `:drive sink`.
    Drive,
    /// In futures that wait for the journal; nobody writes it.
    Journal,
}

/// How many.
pub(crate) enum Count {
    One,
    Literal(usize, Span),
    Computed(Box<Expr>),
}

/// `with { … }`.
#[derive(Default)]
pub(crate) struct Options {
    pub name: Option<LitStr>,
    pub buffer: Option<Setting>,
    pub window: Option<Setting>,
    pub timeout: Option<Setting>,
    pub retry: Option<Setting>,
    pub unordered: Option<Span>,
    pub pool: Option<Span>,
    pub once: Option<Once>,
}

/// `once` or `once(token)` in `with { … }`.
pub(crate) struct Once {
    pub span: Span,
    /// The name of the idempotency token in the stage's expression.
    pub token: Option<Ident>,
}

/// `key: expr` in `with { … }`.
pub(crate) struct Setting {
    pub span: Span,
    pub value: Expr,
}

impl Directive {
    /// That of what waits for the journal.
    pub(crate) fn journal(span: Span) -> Self {
        Self {
            span,
            mode: Mode::Journal,
            count: Count::One,
        }
    }
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
