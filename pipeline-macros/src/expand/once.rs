//! What `once` adds to a call: its value is read back where it is recorded, and recorded where it is not.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Body, Owns};
use crate::options::once;
use crate::syntax::parenthesized;

impl Body<'_> {
    /// The handle of the record's task.
    pub(crate) fn task_handle(&self) -> TokenStream {
        let (item, handle) = (self.item(), self.glue.handle(self.user_span()));
        quote_spanned!(self.span()=> #item.#handle)
    }

    /// The statement that tells how far the record's task is.
    pub(super) fn reached(&self) -> TokenStream {
        if !self.ir.is_journaled || !self.placed.before.is_record() {
            return TokenStream::new();
        }
        let (reach, span) = (self.apart("reach"), self.glue.apart());
        let (item, handle, number) = (self.item_at(span), self.glue.handle(span), self.number);
        quote_spanned!(span=> #reach(&#item.#handle, #number);)
    }

    /// The value of a guarded call, or the one that is recorded.
    pub(super) fn once(&self, guarded: TokenStream) -> TokenStream {
        let Some(key) = self.recorded_key() else {
            return guarded;
        };
        let (is_recorded, once) = (self.private("is_recorded"), self.private("Once"));
        let (task, fail) = (self.task_handle(), self.fail(Owns::Nothing));
        let args = quote_spanned!(self.span()=> made, &#task, #key);
        let args = parenthesized(args, self.glue.at(self.last_span()));
        quote_spanned! {self.span()=> {
            let made = if #is_recorded(&#task, #key) {
                ::core::option::Option::None
            } else {
                ::core::option::Option::Some(#guarded)
            };
            match #once::<_>::once #args {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(cause) => #fail,
            }
        }}
    }

    /// The statements that make the idempotency token, under the name that the stage gives it.
    pub(super) fn token(&self) -> Option<TokenStream> {
        let name = once::token(&self.placed.stage.options)?;
        let (token, task, key) = (
            self.private("token"),
            self.task_handle(),
            self.recorded_key()?,
        );
        Some(quote_spanned! {self.glue.apart()=>
            let token = #token(&#task, #key);
            #[allow(unused_variables)]
            let #name = ::std::string::String::as_str(&token);
        })
    }

    /// The name under which the stage's value is recorded.
    fn recorded_key(&self) -> Option<String> {
        self.placed.stage.options.get(&once::SPEC)?;
        let writes = self.placed.stage.form()?.writes();
        let key = writes.first()?.to_string();
        Some(key.trim_start_matches("r#").to_owned())
    }
}
