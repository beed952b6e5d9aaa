//! What one stage's expansion may use inside its group's closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Lifetime;

use super::{Glue, records};
use crate::ast::Mode;
use crate::check::Item;
use crate::forms::Form;
use crate::func::{Func, How, parenthesized};
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
            .map_or(self.item.stage.span, Form::span)
    }

    fn last_span(&self) -> Span {
        let stage = &self.item.stage;
        stage.form().map_or(stage.span, Form::last)
    }

    /// `$crate::__private::name`, over all of the stage's function.
    pub(crate) fn private(&self, name: &str) -> TokenStream {
        self.glue.over(name, self.user_span(), self.last_span())
    }

    /// A field of the record before the stage.
    pub(crate) fn field(&self, key: &Ident) -> TokenStream {
        self.field_at(key, self.user_span())
    }

    pub(crate) fn field_at(&self, key: &Ident, at: Span) -> TokenStream {
        let (record, mut key) = (self.item_at(at), key.clone());
        key.set_span(self.glue.at(at));
        quote_spanned!(self.glue.at(at)=> #record.#key)
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

    /// The record after the stage, with the local `value` for one key and the others as they were.
    pub(crate) fn record_with(&self, written: &Ident) -> TokenStream {
        self.record(|key| {
            if key == written {
                return quote_spanned!(self.span()=> value);
            }
            self.field(key)
        })
    }

    pub(crate) fn index(&self) -> TokenStream {
        let number = self.number;
        quote_spanned!(self.span()=> #number)
    }

    /// The value of a call, or the stage's way out.
    pub(crate) fn call(&self, func: &Func, args: &[TokenStream], owns: Owns<'_>) -> TokenStream {
        self.guarded(&self.outcome(&self.called(func, args)), owns)
    }

    /// The same for a form that needs a value of a certain shape, which `shape::<_>::method` makes of it.
    pub(crate) fn call_shaped(
        &self,
        func: &Func,
        args: &[TokenStream],
        owns: Owns<'_>,
        (shape, method): (&str, &str),
    ) -> TokenStream {
        let (call, method) = (self.called(func, args), Ident::new(method, self.span()));
        let shape = self.private(shape);
        let shaped = |value| self.glued(&quote_spanned!(self.span()=> #shape::<_>::#method), value);
        if self.item.stage.question.is_none() {
            return self.guarded(&self.outcome(&shaped(call)), owns);
        }
        let (outcome, raised) = (self.outcome(&call), self.private("Raised"));
        let value = shaped(quote_spanned!(self.span()=> value));
        let attempt = quote_spanned! {self.span()=>
            let outcome: ::core::result::Result<_, #raised> = #outcome;
            match outcome {
                ::core::result::Result::Ok(value) => ::core::result::Result::Ok(#value),
                ::core::result::Result::Err(raised) => ::core::result::Result::Err(raised),
            }
        };
        self.guarded(&attempt, owns)
    }

    /// A call of glue, over all of the stage's function.
    fn glued(&self, callee: &TokenStream, arg: TokenStream) -> TokenStream {
        let args = parenthesized(arg, self.glue.at(self.last_span()));
        quote!(#callee #args)
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
        let awaitable = self.private("Awaitable");
        let future = self.glued(&quote_spanned!(self.span()=> #awaitable::<_>::future), call);
        quote_spanned!(self.span()=> #future.await)
    }

    /// A call as a `Result`.
    fn outcome(&self, call: &TokenStream) -> TokenStream {
        let span = self.span();
        let Some(question) = self.item.stage.question else {
            return quote_spanned!(span=> ::core::result::Result::Ok(#call));
        };
        let (fallible, raise) = (
            self.glue.private("Fallible", question),
            self.private("Raise"),
        );
        let at = self.glue.at(question);
        let result = quote_spanned!(at=> #fallible::<_, _>::result(#call));
        quote_spanned!(span=> ::core::result::Result::map_err(#result, #raise::raise))
    }

    /// The value of an attempt, which is statements with a `Result` at their end; or the stage's way out.
    pub(crate) fn guarded(&self, attempt: &TokenStream, owns: Owns<'_>) -> TokenStream {
        let options = &self.item.stage.options;
        let timed = self.item.stage.mode() == Mode::Block && options.timeout.is_some();
        let (arm, disarm) = if timed {
            self.timer()
        } else {
            Default::default()
        };
        let (keep, guarded, exit) = (self.keep(owns), self.in_guard(attempt), self.exit(owns));
        quote_spanned! {self.span()=> {
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

    fn in_guard(&self, attempt: &TokenStream) -> TokenStream {
        let span = self.span();
        if !self.item.stage.is_async() {
            let guard = self.private("guard");
            return quote_spanned!(span=> #guard(|| { #attempt }));
        }
        if self.item.stage.options.timeout.is_none() {
            let guard = self.private("guard_async");
            return quote_spanned!(span=> #guard(async { #attempt }).await);
        }
        let (within, after) = (self.private("within"), self.numbered("timeout"));
        quote_spanned!(span=> #within(#after, async { #attempt }).await)
    }

    fn numbered(&self, name: &str) -> Ident {
        self.glue.numbered(name, self.number, self.user_span())
    }

    /// What says to the worker that the call has a timeout, and asks it whether the call was in time.
    fn timer(&self) -> (TokenStream, TokenStream) {
        let span = self.span();
        let timer = if self.flavour == Flavour::Sync {
            "cx"
        } else {
            "emitter"
        };
        let timer = Ident::new(timer, span);
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
        if self.retries() {
            return quote_spanned!(self.span()=> attempt);
        }
        quote_spanned!(self.span()=> 1u32)
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
            Owns::Key(key) => {
                let key = self.field(key);
                quote_spanned!(self.span()=> &#key)
            }
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
                    if key == changed {
                        quote_spanned!(span=> kept)
                    } else {
                        self.field(key)
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
