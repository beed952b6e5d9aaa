//! The ways out of a stage other than its value.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::Lifetime;

use super::{Body, Owns, site};

impl Body<'_> {
    /// The way out with a failure: for the input of the group, or for one output of a stage that multiplies.
    pub(crate) fn fail(&self, owns: Owns<'_>) -> TokenStream {
        self.fail_of(&self.task(owns))
    }

    /// The same with an `Option` of the task.
    pub(crate) fn fail_of(&self, task: &TokenStream) -> TokenStream {
        let (span, number) = (self.glue.apart(), self.number);
        let (failed, attempt) = (self.apart("failed"), self.attempt());
        let site = site::name(self.glue, span);
        let args = quote_spanned!(span=> (&#site, #number, #attempt, cause, #task));
        if self.level == 0 {
            return quote_spanned!(span=> return #failed #args);
        }
        let (never, step) = (self.apart("Never"), self.apart("Step"));
        let label = self.outer_label();
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
        let (span, item) = (self.glue.apart(), self.item_at(self.glue.apart()));
        match (owns, self.placed.before.task()) {
            (Owns::Nothing | Owns::Key(_), Some(path)) if self.ir.has_task => {
                quote_spanned!(span=> ::core::option::Option::Some(#item #(.#path)*))
            }
            _ => quote_spanned!(span=> ::core::option::Option::None),
        }
    }

    /// The way out for an item that the stage drops.
    pub(crate) fn filtered(&self) -> TokenStream {
        let (span, number) = (self.glue.apart(), self.number);
        if self.level == 0 {
            let step = self.apart("Step");
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
        let bottom = self.placed.after.keys().first();
        let (Some(key), false, true) = (bottom, self.placed.before.is_record(), self.ir.has_task)
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
        Lifetime::new(&format!("'outputs{level}"), self.glue.apart())
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
