//! What items are told apart by: in a record an expression over its keys, of a plain item a function of it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;

use crate::check::{Checker, Scope};
use crate::closure::How;
use crate::expand::Body;
use crate::func::Func;
use crate::options::{Options, by, groups};
use crate::syntax::{ends, parenthesized, ungrouped};

/// The value of `by`, or the argument that stands for it.
pub(crate) struct By(Expr);

impl By {
    pub(crate) fn new(expr: Expr) -> Self {
        Self(ungrouped(expr))
    }

    pub(crate) fn span(&self) -> Span {
        ends(&self.0).0
    }

    /// Whether it can be a function of the item, or the item has keys that it can be made of.
    pub(crate) fn check(&self, scope: &Scope, checker: &mut Checker<'_>) {
        if scope.is_record()
            || scope.is_vague()
            || matches!(self.0, Expr::Closure(_) | Expr::Path(_))
        {
            return;
        }
        let message = "items are told apart by a function of them, as `|item| item.id`; only a record has keys";
        checker.errors.over(&self.0, message.to_owned());
    }

    /// What `by` of a form that gathers items needs beside it.
    pub(crate) fn options(options: &Options, scope: &Scope, checker: &mut Checker<'_>) {
        let Some(given) = options.get(&by::SPEC) else {
            return;
        };
        if let Some(by) = given.expr() {
            Self::new(by.clone()).check(scope, checker);
        }
        if !options.has(&groups::SPEC) {
            let message = "`by` needs to know how many keys may be open; add `groups: 100`";
            checker.errors.at(given.span, message);
        }
    }

    /// The value, where the item stands: statements and an expression, which go into a guard.
    pub(crate) fn value(&self, body: &Body<'_>) -> TokenStream {
        let is_function = match self.0 {
            Expr::Closure(_) => true,
            Expr::Path(_) => !body.placed.before.is_record(),
            _ => false,
        };
        if !is_function {
            let (lent, expr) = (body.lending(self.span()), &self.0);
            return quote!(#lent #expr);
        }
        let how = How {
            stage: body.number,
            is_async: false,
            fallible: false,
        };
        let item = quote_spanned!(body.glue.at(self.span())=> &);
        let lent = body.item_at(self.span());
        Func::new(self.0.clone()).call(body.glue, how, &[quote!(#item #lent)])
    }

    /// The value as it has to be for what is done with it, which `check::<_>::method` says.
    pub(crate) fn checked(&self, body: &Body<'_>, check: &str, method: &str) -> TokenStream {
        let (first, last) = ends(&self.0);
        let (check, method) = (
            body.glue.over(check, first, last),
            body.glue.ident(method, last),
        );
        let (span, value) = (body.glue.at(first), self.value(body));
        let value = parenthesized(quote_spanned!(span=> { #value }), body.glue.at(last));
        quote_spanned!(span=> #check::<_>::#method #value)
    }

    /// A closure that hands on an item with its key.
    pub(crate) fn keyed(&self, body: &Body<'_>) -> TokenStream {
        let (span, glue) = (body.glue.at(self.span()), body.glue);
        let private = |name| glue.private(name, self.span());
        let (key, raised) = (self.checked(body, "Key", "key"), private("Raised"));
        let attempt = quote_spanned! {span=>
            ::core::result::Result::Ok::<_, #raised>(#key)
        };
        let (entry, never, cx, step) = (
            private("Entry"),
            private("Never"),
            private("Cx"),
            private("Step"),
        );
        let (item, key) = (
            body.item(),
            body.guarded(&attempt, crate::expand::Owns::Nothing),
        );
        quote_spanned! {span=>
            move |entry: #entry<_, #never>, _: &#cx| {
                let #item = entry.fresh();
                let key = #key;
                #step::Emit((key, #item))
            }
        }
    }
}
