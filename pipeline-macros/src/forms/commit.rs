//! What follows a stage with `once`: an item goes on when its frame is durable. Nobody writes it.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{Form, Key, Kind, Place};
use crate::ast::{Body as StageBody, Stage};
use crate::check::{Checker, Scope};
use crate::directive::Directive;
use crate::expand::{Body, Owns};
use crate::options::{Options, once};

static KIND: Kind = Kind {
    name: "commit",
    usage: &[],
    parse: |args, _| Err(args.wrong()),
    place: Place::Worker,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::None,
    drops_futures: false,
};

struct Commit {
    span: Span,
    key: String,
}

/// The stage that waits for what `stage` records, if it records something.
pub(crate) fn behind(stage: &Stage) -> Option<Stage> {
    let once = stage.options.get(&once::SPEC)?;
    let key = stage.form()?.writes().first()?.to_string();
    let form = Commit {
        span: once.span,
        key,
    };
    Some(Stage {
        span: once.span,
        text: "once".to_owned(),
        directive: Some(Directive::journal(once.span)),
        body: StageBody::Form(Box::new(form)),
        question: None,
        options: Options::default(),
    })
}

impl Form for Commit {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.span
    }

    fn name(&self) -> Option<String> {
        Some(format!("{} (journal)", self.key.trim_start_matches("r#")))
    }

    fn check(&self, _: &mut Scope, _: &mut Checker<'_>) {}

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let (commit, task, fail) = (
            body.private("commit"),
            body.task_handle(),
            body.fail(Owns::Nothing),
        );
        quote_spanned! {body.span()=>
            if let ::core::result::Result::Err(cause) = #commit(&#task).await {
                #fail;
            }
            #rest
        }
    }
}
