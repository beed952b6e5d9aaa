//! `pop_task(key)`: the record becomes the value of the key that `push_task` wrote.
//! `pop_task(key, a, b)`: the same where that value is a record, into which the keys `a` and `b` are carried over.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Token;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope, list};
use crate::expand::Body;

pub(crate) static KIND: Kind = Kind {
    name: "pop_task",
    usage: &["pop_task(key)", "pop_task(key, result)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let keys = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(args.tokens);
        let mut keys = keys.map_err(|_| wrong.clone())?.into_iter();
        let key = keys.next().ok_or(wrong)?;
        Ok(Box::new(PopTask {
            key,
            carried: keys.collect(),
        }))
    },
    place: Place::Worker,
    directive: Err("there is nothing to run in parallel"),
    question: false,
    key: Key::Carried,
    drops_futures: false,
};

struct PopTask {
    key: Ident,
    carried: Vec<Ident>,
}

impl PopTask {
    /// The carried keys go into a record that has other keys.
    fn check_carried(&self, scope: &Scope, checker: &mut Checker<'_>) {
        let Some(outer) = scope.outer() else {
            if let Some(first) = self.carried.first() {
                let message = format!(
                    "`{}` is no record, so no key can be carried into it; write `map(|m| (m.{}, m.{first}))`",
                    self.key, self.key
                );
                checker.errors.at(first.span(), message);
            }
            return;
        };
        for (index, key) in self.carried.iter().enumerate() {
            checker.reads(scope, key);
            if *key == self.key {
                checker.errors.at(
                    key.span(),
                    format!("`{key}` is what is restored; name the keys to carry over"),
                );
            } else if outer.contains(key) || self.carried[..index].contains(key) {
                checker.errors.at(
                    key.span(),
                    format!(
                        "the restored record has a key `{key}`; carry it over under another name"
                    ),
                );
            }
        }
    }
}

impl Form for PopTask {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn span(&self) -> Span {
        self.key.span()
    }

    fn writes(&self) -> Vec<&Ident> {
        self.carried.iter().collect()
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if !checker.in_record(scope, self.key.span(), "pop_task") {
            return;
        }
        if scope.bottom() == Some(&self.key) || scope.is_vague() {
            self.check_carried(scope, checker);
        } else if checker.reads(scope, &self.key) {
            let (key, pushed) = (&self.key, list(scope.bottom()));
            let message =
                format!("`{key}` was not pushed; pop {pushed}, or write `map(|m| m.{key})`");
            checker.errors.at(key.span(), message);
        }
        scope.pop(&self.carried);
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let (pushed, after) = (body.field(&self.key), body.item_after());
        let restored = if self.carried.is_empty() {
            pushed
        } else {
            body.record(|field| {
                if self.carried.contains(field) {
                    return body.field(field);
                }
                quote_spanned!(body.span()=> #pushed.#field)
            })
        };
        quote_spanned! {body.span()=>
            let #after = #restored;
            #rest
        }
    }
}
