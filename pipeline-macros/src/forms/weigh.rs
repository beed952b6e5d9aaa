//! What follows a stage with `weight`: an item holds of its budget what that says. Nobody writes it.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use super::by::By;
use super::{Form, Key, Kind, Place};
use crate::ast::{Body as StageBody, Stage};
use crate::check::{Checker, Scope};
use crate::expand::Wiring;
use crate::options::{Options, weight};

static KIND: Kind = Kind {
    name: "weigh",
    usage: &[],
    parse: |args, _| Err(args.wrong()),
    place: Place::Wired,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Weigh {
    span: Span,
    weight: Expr,
}

/// The stage that weighs what `stage` makes, if that is to be weighed.
pub(crate) fn behind(stage: &Stage) -> Option<Stage> {
    let form = stage.form()?;
    let (given, weight) = (
        stage.options.get(&weight::SPEC)?,
        stage.options.expr(&weight::SPEC)?,
    );
    if !weight::is_of_outputs(form.kind().name) {
        return None;
    }
    let form = Weigh {
        span: given.span,
        weight: weight.clone(),
    };
    Some(Stage {
        span: given.span,
        text: "weight".to_owned(),
        directive: None,
        body: StageBody::Form(Box::new(form)),
        question: None,
        options: Options::default(),
    })
}

impl Form for Weigh {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn wire(&self, wiring: &Wiring<'_>) -> TokenStream {
        let (glue, weighed) = (
            wiring.glue,
            By::weight(self.weight.clone()).lent(&wiring.body),
        );
        let reweigh = glue.private("reweigh", self.span);
        let (port, opts) = (&wiring.port, &wiring.opts);
        quote_spanned!(glue.at(self.span)=> #reweigh(#port, &#opts, #weighed))
    }
}
