//! What is written: tokens and spans.

use proc_macro2::{Ident, Span};
use syn::{Expr, Pat, Token};

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
    Match(Box<Match>),
    Tee(Box<Tee>),
}

/// `match value { pattern => … }`: stages in arms.
pub(crate) struct Match {
    /// The word.
    pub word: Token![match],
    /// What a plain item is called: `match |item| …`.
    pub item: Option<Ident>,
    pub value: Expr,
    /// The source text, without the arms.
    pub head: String,
    /// The braces.
    pub braces: Span,
    pub arms: Vec<Arm>,
    /// Whether something in it could not be parsed.
    pub lost: bool,
}

/// `pattern if guard => { stages }`.
pub(crate) struct Arm {
    pub pattern: Pat,
    /// The names in the pattern, in order of writing.
    pub bindings: Vec<Ident>,
    pub guard: Option<Expr>,
    /// The source text in front of the arrow.
    pub text: String,
    /// The braces, or the only stage.
    pub body: Span,
    /// Until they have been checked.
    pub stages: Vec<Stage>,
}

/// `tee |item| value { stages }`: a side line.
pub(crate) struct Tee {
    /// The word.
    pub word: Ident,
    /// What a plain item, or the record, is called: `tee |item| …`.
    pub item: Option<Ident>,
    /// What the side line gets; none: a clone.
    pub value: Option<Expr>,
    /// The source text, without the stages.
    pub head: String,
    /// The braces.
    pub braces: Span,
    /// Until they have been checked.
    pub stages: Vec<Stage>,
    /// Whether something in it could not be parsed.
    pub lost: bool,
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
            Body::Drive(_) | Body::Match(_) | Body::Tee(_) => None,
        }
    }

    pub(crate) fn route(&self) -> Option<&Match> {
        match &self.body {
            Body::Match(route) => Some(route),
            Body::Form(_) | Body::Drive(_) | Body::Tee(_) => None,
        }
    }

    pub(crate) fn tee(&self) -> Option<&Tee> {
        match &self.body {
            Body::Tee(tee) => Some(tee),
            Body::Form(_) | Body::Drive(_) | Body::Match(_) => None,
        }
    }

    /// The arms of a `match`; of another stage none.
    pub(crate) fn arms(&self) -> &[Arm] {
        self.route().map_or(&[], |route| &route.arms)
    }

    /// The stages of the side line of a `tee`; of another stage none.
    pub(crate) fn side(&self) -> &[Stage] {
        self.tee().map_or(&[], |tee| &tee.stages)
    }

    /// Whether something inside of its braces could not be parsed.
    pub(crate) fn is_lost(&self) -> bool {
        self.route().is_some_and(|route| route.lost) || self.tee().is_some_and(|tee| tee.lost)
    }

    /// The stage, and those in its arms or its side line.
    pub(crate) fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Stage)) {
        visit(self);
        let inside = self.arms().iter().flat_map(|arm| &arm.stages);
        let inside = inside.chain(self.side());
        inside.for_each(|stage| stage.each(visit));
    }
}

/// All of these stages, with those in arms and side lines, in the order of writing.
pub(crate) fn all(stages: &[Stage]) -> Vec<&Stage> {
    let mut all = Vec::new();
    for stage in stages {
        stage.each(&mut |stage| all.push(stage));
    }
    all
}
