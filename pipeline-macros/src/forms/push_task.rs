//! `push_task(key)`: the item becomes a record with one key. `push_task(key, id = f)`: the same where a journal
//! records under the id that `f` makes of the item.
//!
//! At the bottom, the item is the *task*: every failure in the record carries it. Inside a record it saves the whole
//! record under the key, until `pop_task(key, …)`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Token;
use syn::parse::{ParseStream, Parser as _};

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::closure::How;
use crate::expand::Body;
use crate::func::Func;
use crate::syntax::parenthesized;

pub(crate) static KIND: Kind = Kind {
    name: "push_task",
    usage: &["push_task(key)", "push_task(key, id = f)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let parser = |input: ParseStream<'_>| parse(input, &wrong);
        Ok(Box::new(parser.parse2(args.tokens)?))
    },
    place: Place::Worker,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::Item,
    drops_futures: false,
};

struct PushTask {
    key: Ident,
    id: Option<Id>,
}

/// `id = |item| …`.
struct Id {
    span: Span,
    func: Func,
}

fn parse(input: ParseStream<'_>, wrong: &syn::Error) -> syn::Result<PushTask> {
    super::form::no_keyword(input)?;
    let key = input.parse().map_err(|_| wrong.clone())?;
    input.parse::<Option<Token![,]>>()?;
    let mut id = None;
    if !input.is_empty() {
        let word = input.parse::<Ident>().map_err(|_| wrong.clone())?;
        if word != "id" || !input.peek(Token![=]) {
            return Err(wrong.clone());
        }
        input.parse::<Token![=]>()?;
        id = Some(Id {
            span: word.span(),
            func: Func::new(input.parse()?),
        });
        input.parse::<Option<Token![,]>>()?;
    }
    if !input.is_empty() {
        return Err(wrong.clone());
    }
    Ok(PushTask { key, id })
}

impl Form for PushTask {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        self.id.as_ref().map(|id| &id.func)
    }

    fn span(&self) -> Span {
        self.key.span()
    }

    fn last(&self) -> Span {
        self.key.span()
    }

    fn name(&self) -> Option<String> {
        Some(self.key.to_string())
    }

    fn writes(&self) -> Vec<&Ident> {
        vec![&self.key]
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        checker.not_shared(&self.key);
        if !scope.is_record() && scope.had_task() {
            let message =
                "a pipeline has one task, and it ended above; start a new one in another pipeline";
            checker.errors.at(self.key.span(), message);
        }
        if let Some(id) = &self.id
            && let Some(message) = Id::is_useless(scope, checker)
        {
            checker.errors.at(id.span, message);
        }
        scope.push(&self.key);
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let opens = !body.placed.before.is_record();
        let opened = body.ir.is_journaled.then(|| {
            if opens {
                self.open(body)
            } else {
                same_task(body)
            }
        });
        let (before, record) = (body.item(), body.item_after());
        let value = body.record_of(
            |_| quote_spanned!(body.span()=> #before),
            || quote_spanned!(body.span()=> opened),
        );
        let typed = body.typed_task();
        quote_spanned! {body.span()=>
            #opened
            let #record = #value;
            #typed
            #rest
        }
    }
}

impl PushTask {
    /// The statements that learn the task's id, and load what is recorded of it.
    fn open(&self, body: &Body<'_>) -> TokenStream {
        let (span, item) = (body.span(), body.item());
        let id = self.task_id(body);
        let (guard, open) = (body.private("guard"), body.private("open_task"));
        let (journal, number) = (body.glue.ident("journal", self.key.span()), body.index());
        let message = body.glue.ident("message", self.key.span());
        let failed = body.fail_of(&quote_spanned!(span=> ::core::option::Option::Some(#item)));
        quote_spanned! {span=>
            let opened = match #guard(|| ::core::result::Result::Ok(#id)) {
                ::core::result::Result::Ok(id) => #open(&#journal, id, #number, #message).await,
                ::core::result::Result::Err(cause) => ::core::result::Result::Err(cause),
            };
            let opened = match opened {
                ::core::result::Result::Ok(opened) => opened,
                ::core::result::Result::Err(cause) => #failed,
            };
        }
    }

    /// The id that the stage says how to make, or the item's own.
    fn task_id(&self, body: &Body<'_>) -> TokenStream {
        let Some(Id { func, .. }) = &self.id else {
            let (identified, lent) = (body.private("Identified"), body.lent_item());
            return quote_spanned!(body.span()=> #identified::task_id(#lent));
        };
        let how = How {
            stage: body.number,
            is_async: false,
            fallible: false,
        };
        let (first, last) = (func.span(), func.last());
        // Where the function does not take it, rustc marks the function, and has no advice about the item.
        let item = body.item_at(first);
        let lent = quote_spanned!(body.glue.at(first)=> &#item);
        let shown = body.glue.over("TaskId", first, last);
        let call = parenthesized(func.call(body.glue, how, &[lent]), body.glue.at(last));
        quote_spanned!(body.glue.at(first)=> #shown::<_>::task_id #call)
    }
}

/// The statement that takes the handle of the record around.
fn same_task(body: &Body<'_>) -> TokenStream {
    let handle = body.task_handle();
    quote_spanned!(body.span()=> let opened = ::core::clone::Clone::clone(&#handle);)
}

impl Id {
    /// What is wrong with an id here.
    fn is_useless(scope: &Scope, checker: &Checker<'_>) -> Option<&'static str> {
        if scope.is_record() {
            return Some("the task has its id from the first `push_task`; remove this one");
        }
        if !checker.journaled && !scope.is_vague() {
            return Some(
                "`id` is for a journal; name one behind the header: `[input] journal = journal;`",
            );
        }
        None
    }
}
