//! What `by` adds to a group: the hash of an item's key, and the failure of one that has none.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprClosure, ReturnType};

use super::body::item_name;
use super::{Expander, site};
use crate::check::Placed;
use crate::closure;
use crate::forms::by::By;
use crate::ir::Flavour;
use crate::options::by;
use crate::syntax::{ends, parenthesized};

impl Expander<'_> {
    /// Two closures as arguments, where stage number `main` has `by`.
    pub(super) fn by(&self, main: usize) -> Option<TokenStream> {
        let placed = &self.stages()[main];
        let by = By::new(placed.stage.options.expr(&by::SPEC)?.clone());
        let (hash, fail) = (self.hash(main, by.expr()), self.without_key(placed, main));
        Some(quote!(#hash, #fail))
    }

    /// It has clones of its own of the shared values, for the stage's function has others.
    fn hash(&self, main: usize, value: &Expr) -> TokenStream {
        let body = self.body(main, Flavour::Sync, 0);
        let (placed, (first, _)) = (body.placed, ends(value));
        let (span, private) = (self.glue.at(first), |name| self.glue.private(name, first));
        let (guard, hashing, raised) = (private("guard"), private("Hashing"), private("Raised"));
        let item = item_name(self.glue, placed.before.is_record(), first);
        let ok = quote_spanned!(span=> ::core::result::Result::Ok::<_, #raised>);
        let told = match value {
            Expr::Closure(written) => self.told_by(written, &item, &ok),
            Expr::Path(_) if !placed.before.is_record() => {
                let hash = self.hash_of(&quote_spanned!(span=> #value(#item)), value);
                quote_spanned!(span=> #ok(#hash))
            }
            _ => {
                let (lent, hash) = (body.lending(first), self.hash_of(value, value));
                quote_spanned!(span=> #lent #ok(#hash))
            }
        };
        let clones = self.clones();
        quote_spanned!(span=> {
            #clones
            move |#item: &_, hashing: &#hashing| #guard(|| { #told })
        })
    }

    /// A closure of the item, which lends what it says.
    fn told_by(&self, written: &ExprClosure, item: &Ident, ok: &TokenStream) -> TokenStream {
        let (first, _) = ends(written);
        let (span, call) = (self.glue.at(first), self.glue.private("call1", first));
        let mut written = written.clone();
        written.capture = None;
        if !matches!(written.output, ReturnType::Default) || closure::returns(&written.body) {
            let hash = self.hash_of(
                &quote_spanned!(span=> #call(#written, #item)),
                &written.body,
            );
            return quote_spanned!(span=> #ok(#hash));
        }
        let hash = self.hash_of(&written.body, &written.body);
        *written.body = Expr::Verbatim(quote_spanned!(span=> #ok(#hash)));
        quote_spanned!(span=> #call(#written, #item))
    }

    /// The hash of a value, which is lent; rustc marks what is written.
    fn hash_of(&self, value: &impl ToTokens, written: &Expr) -> TokenStream {
        let (first, last) = ends(written);
        let (span, keyed) = (self.glue.at(first), self.glue.over("Keyed", first, last));
        let value = parenthesized(quote!(#value), self.glue.at(last));
        let args = parenthesized(quote_spanned!(span=> &#value, hashing), self.glue.at(last));
        let method = Ident::new("keyed", self.glue.at(last));
        quote_spanned!(span=> #keyed::<_>::#method #args)
    }

    /// An item of which no key can be told fails, as one does in the stage.
    fn without_key(&self, placed: &Placed, main: usize) -> TokenStream {
        let span = self.glue.apart();
        let (failed, site) = (
            self.glue.private("failed", span),
            site::name(self.glue, span),
        );
        let task = placed.before.task().filter(|_| self.ir.has_task);
        let (item, task) = match task {
            Some(path) => (
                quote_spanned!(span=> record),
                quote_spanned!(span=> ::core::option::Option::Some(record #(.#path)*)),
            ),
            None => (
                quote_spanned!(span=> _),
                quote_spanned!(span=> ::core::option::Option::None),
            ),
        };
        quote_spanned!(span=> move |#item, cause| #failed(&#site, #main, 1u32, cause, #task))
    }
}
