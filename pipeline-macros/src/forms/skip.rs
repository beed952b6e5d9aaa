//! `=> skip`: an arm of a `match` whose items go no further. Nobody writes it elsewhere.

use proc_macro2::{Span, TokenStream};

use super::{Form, Key, Kind, Place};
use crate::ast::{Body as StageBody, Stage};
use crate::check::{Checker, Scope};
use crate::expand::Body;
use crate::options::Options;

static KIND: Kind = Kind {
    name: "skip",
    usage: &[],
    parse: |args, _| Err(args.wrong()),
    place: Place::Worker,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Skip {
    span: Span,
    pattern: String,
}

/// The only stage of the arm with that pattern.
pub(crate) fn stage(span: Span, pattern: &str) -> Stage {
    let pattern = pattern.to_owned();
    Stage {
        span,
        text: "skip".to_owned(),
        directive: None,
        body: StageBody::Form(Box::new(Skip { span, pattern })),
        question: None,
        options: Options::default(),
    }
}

/// Whether these are all that an arm has.
pub(crate) fn is_all(stages: &[Stage]) -> bool {
    let form = |stage: &Stage| {
        stage
            .form()
            .is_some_and(|form| form.kind().name == KIND.name)
    };
    stages.last().is_some_and(form)
}

impl Form for Skip {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn name(&self) -> Option<String> {
        Some(format!("match → {}", self.pattern.replace('/', "÷")))
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn expand(&self, body: &Body<'_>, _rest: TokenStream) -> TokenStream {
        body.filtered()
    }
}
