//! The guarded call of a stage's function.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::{Body, Owns};
use crate::closure::How;
use crate::directive::Mode;
use crate::func::Func;
use crate::options::timeout;
use crate::syntax::parenthesized;

impl Body<'_> {
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
        let callee = quote_spanned!(self.span()=> #shape::<_>::#method);
        let shaped = |value| self.glued(&callee, value);
        if self.placed.stage.question.is_none() {
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

    /// The same where the stage's `?` is not about this function.
    pub(crate) fn call_plainly(
        &self,
        func: &Func,
        args: &[TokenStream],
        owns: Owns<'_>,
        (shape, method): (&str, &str),
    ) -> TokenStream {
        let how = How {
            stage: self.number,
            is_async: false,
            fallible: false,
        };
        let (first, last) = (func.span(), func.last());
        let (span, method) = (self.glue.at(first), self.glue.ident(method, first));
        let (shape, raised) = (
            self.glue.over(shape, first, last),
            self.glue.private("Raised", first),
        );
        let call = parenthesized(func.call(self.glue, how, args), self.glue.at(last));
        let attempt = quote_spanned! {span=>
            ::core::result::Result::Ok::<_, #raised>(#shape::<_>::#method #call)
        };
        self.guarded(&attempt, owns)
    }

    /// A call of glue, over all of the stage's function.
    fn glued(&self, callee: &TokenStream, arg: TokenStream) -> TokenStream {
        let args = parenthesized(arg, self.glue.at(self.last_span()));
        quote!(#callee #args)
    }

    fn called(&self, func: &Func, args: &[TokenStream]) -> TokenStream {
        let stage = &self.placed.stage;
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
        let callee = quote_spanned!(self.span()=> #awaitable::<_>::future);
        let future = self.glued(&callee, call);
        quote_spanned!(self.span()=> #future.await)
    }

    /// A call as a `Result`.
    fn outcome(&self, call: &TokenStream) -> TokenStream {
        let span = self.span();
        let Some(question) = self.placed.stage.question else {
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
        let token = self.token();
        let attempt = quote_spanned!(self.span()=> #token #attempt);
        self.once(self.tried(&attempt, owns))
    }

    fn tried(&self, attempt: &TokenStream, owns: Owns<'_>) -> TokenStream {
        let options = &self.placed.stage.options;
        let timed = self.placed.stage.mode() == Mode::Block && options.has(&timeout::SPEC);
        let (arm, disarm) = if timed {
            self.timer()
        } else {
            Default::default()
        };
        let (limit, keep) = (self.limit(), self.keep(owns));
        let (guarded, exit) = (self.in_guard(attempt), self.exit(owns));
        quote_spanned! {self.span()=> {
            #limit
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
        if !self.placed.stage.is_async() {
            let guard = self.private("guard");
            return quote_spanned!(span=> #guard(|| { #attempt }));
        }
        if !self.placed.stage.options.has(&timeout::SPEC) {
            let guard = self.private("guard_async");
            return quote_spanned!(span=> #guard(async { #attempt }).await);
        }
        let (within, after) = (self.private("within"), self.numbered(timeout::SPEC.name));
        quote_spanned!(span=> #within(#after, async { #attempt }).await)
    }

    /// A local of the stage's own.
    pub(crate) fn numbered(&self, name: &str) -> Ident {
        self.glue.numbered(name, self.number, self.user_span())
    }
}
