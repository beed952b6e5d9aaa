//! How a stage runs: `:block 2`, `:async (n)`, `4`, `:drive`.

use proc_macro2::Span;
use syn::Expr;

use crate::syntax::ends;

/// What is written behind a colon.
pub(crate) static WORDS: &[(&str, Mode)] = &[
    ("block", Mode::Block),
    ("async", Mode::Async),
    ("drive", Mode::Drive),
];

/// What stands in front of a stage's form.
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

impl Directive {
    /// That of what waits for the journal.
    pub(crate) fn journal(span: Span) -> Self {
        Self {
            span,
            mode: Mode::Journal,
            count: Count::One,
        }
    }

    /// As it is written in messages.
    pub(crate) fn label(&self) -> &'static str {
        match self.mode {
            Mode::Fused | Mode::Journal => "",
            Mode::Tasks => "a count",
            Mode::Block => "`:block`",
            Mode::Async => "`:async`",
            Mode::Drive => "`:drive`",
        }
    }
}

impl Count {
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Self::One => None,
            Self::Literal(_, span) => Some(*span),
            Self::Computed(expr) => Some(ends(expr).0),
        }
    }

    /// Whether it may be more than one.
    pub(crate) fn is_parallel(&self) -> bool {
        match self {
            Self::One => false,
            Self::Literal(count, _) => *count > 1,
            Self::Computed(_) => true,
        }
    }
}
