//! The timeout and the attempts of a call.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use super::{Body, Owns, records};
use crate::ast::Stage;
use crate::ir::Flavour;
use crate::options::{rate, retry};

/// Whether items may leave a stage to wait for a call, and come back to it.
pub(super) fn comes_again(stage: &Stage) -> bool {
    stage.options.has(&retry::SPEC) || stage.options.has(&rate::SPEC)
}

impl Body<'_> {
    /// What says to the worker that the call has a timeout, and asks it whether the call was in time.
    pub(super) fn timer(&self) -> (TokenStream, TokenStream) {
        let span = self.glue.apart();
        let timer = if self.flavour == Flavour::Sync {
            "cx"
        } else {
            "emitter"
        };
        let timer = Ident::new(timer, span);
        let (attempt, step) = (self.attempt(), self.apart("Step"));
        (
            quote_spanned!(span=> #timer.arm(#attempt);),
            quote_spanned!(span=> if !#timer.disarm() { return #step::Gone; }),
        )
    }

    pub(super) fn retries(&self) -> bool {
        self.placed.stage.options.has(&retry::SPEC)
    }

    /// Whether an item may leave the stage to wait for a call, and come back to it.
    fn comes_again(&self) -> bool {
        comes_again(&self.placed.stage)
    }

    /// The way out of an attempt whose turn has not come: nothing of the item is taken yet.
    pub(super) fn limit(&self) -> TokenStream {
        if !self.placed.stage.options.has(&rate::SPEC) {
            return TokenStream::new();
        }
        let (span, item) = (self.span(), self.item());
        let (step, delay) = (self.private("Step"), self.private("Delay"));
        quote_spanned! {span=>
            if !entered {
                return #step::Again { item: #item, attempt, delay: #delay::Turn };
            }
        }
    }

    pub(super) fn attempt(&self) -> TokenStream {
        if self.comes_again() {
            return quote_spanned!(self.glue.apart()=> attempt);
        }
        quote_spanned!(self.glue.apart()=> 1u32)
    }

    /// A copy of what the call takes by value, where another attempt may need it.
    pub(super) fn keep(&self, owns: Owns<'_>) -> TokenStream {
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
        let (repeat, retry) = (self.private("Repeat"), self.numbered(retry::SPEC.name));
        let (guard, failed) = (self.private("guard"), self.fail(Owns::Nothing));
        quote_spanned! {self.span()=>
            let kept = #guard(|| ::core::result::Result::Ok(
                #repeat::<_>::keep(#kept, &#retry, attempt)
            ));
            let kept = match kept {
                ::core::result::Result::Ok(kept) => kept,
                ::core::result::Result::Err(cause) => #failed,
            };
        }
    }

    /// The way out after `cause`: another attempt, or the failure.
    pub(super) fn exit(&self, owns: Owns<'_>) -> TokenStream {
        let fail = self.fail(owns);
        if !self.retries() {
            return fail;
        }
        let (span, retry, item) = (self.span(), self.numbered(retry::SPEC.name), self.item());
        let (again, step) = (self.private("again"), self.private("Step"));
        let restored = match owns {
            Owns::Nothing => quote_spanned!(span=> #item),
            Owns::Item => quote_spanned!(span=> kept),
            Owns::Key(changed) => {
                let keys = self.placed.before.keys();
                let value = |key: &Ident| {
                    if key == changed {
                        quote_spanned!(span=> kept)
                    } else {
                        self.field(key)
                    }
                };
                let (at, handle) = (self.user_span(), || self.task_handle());
                records::literal(self.glue, self.ir, keys, at, value, handle)
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
}
