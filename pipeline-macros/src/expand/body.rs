//! What one stage's expansion may use inside its group's closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Lifetime;

use super::{Glue, records};
use crate::ast::Mode;
use crate::check::Item;
use crate::func::{Func, How};
use crate::ir::{Flavour, Ir};

/// A stage inside its group.
pub(crate) struct Body<'a> {
    pub glue: &'a Glue,
    pub ir: &'a Ir,
    pub item: &'a Item,
    pub number: usize,
    pub flavour: Flavour,
    /// How many stages of the group multiply in front of it.
    pub level: usize,
    /// The function of the stage before: rustc marks it beside this one when they do not fit.
    pub previous: Span,
}

/// What a call takes by value, and so is not there after it failed.
#[derive(Clone, Copy)]
pub(crate) enum Owns<'a> {
    Nothing,
    /// The item, with its task.
    Item,
    /// One key of the record; its task is still there.
    Key(&'a Ident),
}

impl Body<'_> {
    /// The stage's function, for glue.
    pub(crate) fn span(&self) -> Span {
        self.glue.at(self.user_span())
    }

    fn user_span(&self) -> Span {
        self.item
            .stage
            .form()
            .map_or(self.item.stage.span, |form| form.span())
    }

    pub(crate) fn private(&self, name: &str) -> TokenStream {
        self.glue.private(name, self.user_span())
    }

    /// The item before the stage.
    pub(crate) fn item(&self) -> TokenStream {
        self.item_at(self.previous)
    }

    pub(crate) fn item_at(&self, span: Span) -> TokenStream {
        let item = item_name(self.glue, self.item.before.is_record(), span);
        quote!(#item)
    }

    /// A reference to it.
    pub(crate) fn lent_item(&self) -> TokenStream {
        let item = self.item();
        quote_spanned!(self.glue.at(self.previous)=> &#item)
    }

    /// The item after the stage.
    pub(crate) fn item_after(&self) -> Ident {
        item_name(self.glue, self.item.after.is_record(), self.user_span())
    }

    /// The keys of the record before the stage.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Ident> {
        self.item.before.keys().iter()
    }

    /// The record after the stage, with a value for each key.
    pub(crate) fn record(&self, value: impl Fn(&Ident) -> TokenStream) -> TokenStream {
        records::literal(
            self.glue,
            self.ir,
            self.item.after.keys(),
            self.user_span(),
            value,
        )
    }

    pub(crate) fn index(&self) -> TokenStream {
        let number = self.number;
        quote_spanned!(self.span()=> #number)
    }

    /// The value of a call, or the stage's way out.
    pub(crate) fn call(&self, func: &Func, args: &[TokenStream], owns: Owns<'_>) -> TokenStream {
        let attempt = self.outcome(self.called(func, args), func.last());
        self.guarded(attempt, owns, func.last())
    }

    /// The same for `flat_map`: the iterator is made inside the guard too.
    pub(crate) fn call_into_iter(&self, func: &Func, args: &[TokenStream]) -> TokenStream {
        let outcome = self.outcome(self.called(func, args), func.last());
        let raised = self.private("Raised");
        let attempt = quote_spanned! {self.span()=>
            let outcome: ::core::result::Result<_, #raised> = #outcome;
            ::core::result::Result::map(outcome, ::core::iter::IntoIterator::into_iter)
        };
        self.guarded(attempt, Owns::Item, func.last())
    }

    fn called(&self, func: &Func, args: &[TokenStream]) -> TokenStream {
        let stage = &self.item.stage;
        let how = How {
            stage: self.number,
            is_async: stage.is_async(),
            fallible: stage.question.is_some(),
        };
        let call = func.call(self.glue, how, args);
        if !how.is_async {
            return call;
        }
        let future = self.private("Awaitable");
        quote_spanned!(self.span()=> #future::<_>::future(#call).await)
    }

    /// A call as a `Result`.
    fn outcome(&self, call: TokenStream, last: Span) -> TokenStream {
        let span = self.span();
        let Some(question) = self.item.stage.question else {
            return quote_spanned!(span=> ::core::result::Result::Ok(#call));
        };
        let _ = last;
        let fallible = self.glue.private("Fallible", question);
        let raise = self.private("Raise");
        let at = self.glue.at(question);
        let result = quote_spanned!(at=> #fallible::<_, _>::result(#call));
        quote_spanned!(span=> ::core::result::Result::map_err(#result, #raise::raise))
    }

    /// The value of an attempt, which is statements with a `Result` at their end; or the stage's way out.
    pub(crate) fn guarded(&self, attempt: TokenStream, owns: Owns<'_>, last: Span) -> TokenStream {
        let span = self.span();
        let guarded = self.in_guard(attempt, last);
        let (keep, exit) = (self.keep(owns), self.exit(owns));
        let timed =
            self.item.stage.mode() == Mode::Block && self.item.stage.options.timeout.is_some();
        let (arm, disarm) = if timed {
            self.timer()
        } else {
            Default::default()
        };
        quote_spanned! {span=> {
            #keep
            #arm
            let outcome = #guarded;
            #disarm
            match outcome {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(cause) => #exit,
            }
        }}
    }

    fn in_guard(&self, attempt: TokenStream, last: Span) -> TokenStream {
        let span = self.span();
        if !self.item.stage.is_async() {
            let guard = self.private("guard");
            return quote_spanned!(span=> #guard(|| { #attempt }));
        }
        let _ = last;
        match &self.item.stage.options.timeout {
            None => {
                let guard = self.private("guard_async");
                quote_spanned!(span=> #guard(async { #attempt }).await)
            }
            Some(_) => {
                let (within, after) = (self.private("within"), self.numbered("timeout"));
                quote_spanned!(span=> #within(#after, async { #attempt }).await)
            }
        }
    }

    fn numbered(&self, name: &str) -> Ident {
        self.glue.numbered(name, self.number, self.user_span())
    }

    /// What says to the worker that the call has a timeout, and asks it whether the call was in time.
    fn timer(&self) -> (TokenStream, TokenStream) {
        let span = self.span();
        let timer = match self.flavour {
            Flavour::Sync => quote_spanned!(span=> cx),
            _ => quote_spanned!(span=> emitter),
        };
        let (attempt, step) = (self.attempt(), self.private("Step"));
        (
            quote_spanned!(span=> #timer.arm(#attempt);),
            quote_spanned!(span=> if !#timer.disarm() { return #step::Gone; }),
        )
    }

    fn retries(&self) -> bool {
        self.item.stage.options.retry.is_some()
    }

    fn attempt(&self) -> TokenStream {
        match self.retries() {
            true => quote_spanned!(self.span()=> attempt),
            false => quote_spanned!(self.span()=> 1u32),
        }
    }

    /// A copy of what the call takes by value, where another attempt may need it.
    fn keep(&self, owns: Owns<'_>) -> TokenStream {
        if !self.retries() {
            return TokenStream::new();
        }
        let item = self.item();
        let kept = match owns {
            Owns::Nothing => return TokenStream::new(),
            Owns::Item => quote_spanned!(self.span()=> &#item),
            Owns::Key(key) => quote_spanned!(self.span()=> &#item.#key),
        };
        let (repeat, retry) = (self.private("Repeat"), self.numbered("retry"));
        quote_spanned!(self.span()=> let kept = #repeat::<_>::keep(#kept, &#retry, attempt);)
    }

    /// The way out after `cause`: another attempt, or the failure.
    fn exit(&self, owns: Owns<'_>) -> TokenStream {
        let fail = self.fail(owns);
        if !self.retries() {
            return fail;
        }
        let (span, retry, item) = (self.span(), self.numbered("retry"), self.item());
        let (again, step) = (self.private("again"), self.private("Step"));
        let restored = match owns {
            Owns::Nothing => quote_spanned!(span=> #item),
            Owns::Item => quote_spanned!(span=> kept),
            Owns::Key(changed) => {
                let keys = self.item.before.keys();
                records::literal(self.glue, self.ir, keys, self.user_span(), |key| {
                    match key == changed {
                        true => quote_spanned!(span=> kept),
                        false => quote_spanned!(span=> #item.#key),
                    }
                })
            }
        };
        let another = quote_spanned! {span=>
            if let ::core::option::Option::Some(delay) = #again(&#retry, attempt, &cause) {
                return #step::Again { item: #restored, attempt: attempt + 1u32, delay };
            }
        };
        let another = match owns {
            Owns::Nothing => another,
            _ => {
                quote_spanned!(span=> if let ::core::option::Option::Some(kept) = kept { #another })
            }
        };
        quote_spanned!(span=> { #another #fail })
    }

    /// The way out with a failure: for the input of the group, or for one output of a stage that multiplies.
    pub(crate) fn fail(&self, owns: Owns<'_>) -> TokenStream {
        let (span, number) = (self.span(), self.number);
        let (failed, attempt, task) = (self.private("failed"), self.attempt(), self.task(owns));
        let site = super::site::name(self.glue, self.user_span());
        let args = quote_spanned!(span=> (&#site, #number, #attempt, cause, #task));
        if self.level == 0 {
            return quote_spanned!(span=> return #failed #args);
        }
        let (never, step, label) = (
            self.private("Never"),
            self.private("Step"),
            self.outer_label(),
        );
        quote_spanned! {span=> {
            let failed = #failed::<_, #never, _> #args;
            if emitter.failed(failed).await.is_break() {
                return #step::Gone;
            }
            continue #label;
        }}
    }

    /// The task, where it is still there.
    fn task(&self, owns: Owns<'_>) -> TokenStream {
        let (span, item) = (self.span(), self.item());
        match (owns, self.item.before.task()) {
            (Owns::Nothing | Owns::Key(_), Some(path)) if self.ir.has_task => {
                quote_spanned!(span=> ::core::option::Option::Some(#item #(.#path)*))
            }
            _ => quote_spanned!(span=> ::core::option::Option::None),
        }
    }

    /// The way out for an item that the stage drops.
    pub(crate) fn filtered(&self) -> TokenStream {
        let (span, number) = (self.span(), self.number);
        if self.level == 0 {
            let step = self.private("Step");
            return quote_spanned!(span=> return #step::Filtered(#number););
        }
        let label = self.outer_label();
        quote_spanned! {span=>
            emitter.filtered(#number);
            continue #label;
        }
    }

    /// After the bottom `push_task`: says which type the task has.
    pub(crate) fn typed_task(&self) -> TokenStream {
        let bottom = self.item.after.keys().first();
        let (Some(key), false, true) = (bottom, self.item.before.is_record(), self.ir.has_task)
        else {
            return TokenStream::new();
        };
        let (record, task_is) = (self.item_after(), self.private("task_is"));
        quote_spanned!(self.span()=> if false { return #task_is(&#record.#key); })
    }

    /// The iterator of a stage that multiplies.
    pub(crate) fn outputs(&self) -> Ident {
        self.glue.numbered("outputs", self.level, self.user_span())
    }

    /// The label of its loop.
    pub(crate) fn label(&self) -> Lifetime {
        self.label_of(self.level)
    }

    fn outer_label(&self) -> Lifetime {
        self.label_of(self.level.saturating_sub(1))
    }

    fn label_of(&self, level: usize) -> Lifetime {
        Lifetime::new(&format!("'outputs{level}"), self.span())
    }

    /// What follows the loop.
    pub(crate) fn after_outputs(&self) -> TokenStream {
        let step = self.private("Step");
        match self.level {
            0 => quote_spanned!(self.span()=> #step::Emit(())),
            _ => TokenStream::new(),
        }
    }
}

/// The local that holds the item; rustc shows the name in its messages.
pub(crate) fn item_name(glue: &Glue, is_record: bool, span: Span) -> Ident {
    glue.ident(if is_record { "record" } else { "item" }, span)
}
