//! `match`: Rust's own, with stages in its arms.

use std::ops::Range;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;

use super::body::item_name;
use super::{Body, Expander, Owns, records};
use crate::ast::{Arm, Match};
use crate::check::{Scope, Subject};
use crate::ir::{Branch, Flavour, Route};

/// Where in its group a `match` stands.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) flavour: Flavour,
    pub(super) level: usize,
    /// What follows the last of the group's stages.
    pub(super) end: &'a dyn Fn(usize) -> TokenStream,
}

impl Expander<'_> {
    /// The statements of a `match` and of what is behind it in its group.
    pub(super) fn routed(
        &self,
        route: &Route,
        behind: Range<usize>,
        within: Within<'_>,
    ) -> TokenStream {
        let placed = &self.stages()[route.stage];
        let Some(written) = placed.stage.route() else {
            return TokenStream::new();
        };
        let body = self.body(route.stage, within.flavour, within.level);
        let subject = Subject::of(written, &placed.before);
        let arms = written.arms.iter().zip(&route.arms).enumerate();
        let arms = arms.map(|(number, (arm, branch))| {
            let place = Place {
                route,
                number,
                branch,
                at: arm.body,
            };
            self.arm(written, arm, place, subject, &body, within)
        });
        let mut braces = Group::new(Delimiter::Brace, arms.collect());
        braces.set_span(written.braces);
        let (word, value) = (written.word, scrutinee(written, subject, &body));
        let (span, after) = (body.span(), body.item_after());
        let allowed =
            quote_spanned!(span=> #[allow(clippy::match_same_arms, clippy::single_match_else)]);
        if !route.fused {
            return quote_spanned!(span=> #allowed #word #value #braces);
        }
        let rest = self.steps(behind, within.flavour, within.level, within.end);
        quote_spanned!(span=> #allowed let #after = #word #value #braces; #rest)
    }

    fn arm(
        &self,
        written: &Match,
        arm: &Arm,
        place: Place<'_>,
        subject: Subject,
        body: &Body<'_>,
        within: Within<'_>,
    ) -> TokenStream {
        let Place { branch, .. } = place;
        let guard = arm.guard.as_ref();
        let guard = guard.map(|guard| guarded(written, arm, guard, body));
        let begin = begun(arm, branch.keys.as_deref(), subject, body);
        let end = |level| self.passed(place, body, within.flavour, level);
        let fused = branch.fused.map_or(0..0, |_| branch.stages.clone());
        let steps = self.steps(fused, within.flavour, within.level, &end);
        let mut inside = Group::new(Delimiter::Brace, quote!(#begin #steps));
        inside.set_span(arm.body);
        let pattern = &arm.pattern;
        quote!(#pattern #guard => #inside)
    }

    /// The end of the part of an arm that runs here. Where it comes back the item is counted, and is what it is behind all
    /// arms; where the arm has a lane the item goes into that.
    fn passed(
        &self,
        place: Place<'_>,
        body: &Body<'_>,
        flavour: Flavour,
        level: usize,
    ) -> TokenStream {
        let Place {
            route,
            number,
            branch,
            at,
        } = place;
        let counted = branch.fused.map(|arm| {
            let unit = self.ir.unit_of(body.number);
            let first = unit.map_or(0, |unit| self.ir.arms(&unit.stages()).start);
            let arm = arm - first;
            let counter = match flavour {
                Flavour::Sync => "cx",
                Flavour::Sighted => "sight",
                Flavour::Async => "arms",
                Flavour::Flat | Flavour::FlatInline => "emitter",
            };
            let counter = Ident::new(counter, self.glue.apart());
            quote_spanned!(self.glue.apart()=> #counter.passed(#arm);)
        });
        let value = if branch.fused.is_some() {
            let after = if route.fused {
                &body.placed.after
            } else {
                self.handed_on(route.stage)
            };
            self.handed(after, body, at)
        } else {
            let item = item_name(self.glue, branch.keys.is_some(), at);
            quote!(#item)
        };
        if route.fused {
            return quote!(#counted #value);
        }
        let emitted = self.emitted(&self.divided(route, number, &value), flavour, level);
        quote!(#counted #emitted)
    }

    /// What a stage hands on at the end of its group: where it is the last of an arm, what the item is behind all arms.
    pub(super) fn handed_on(&self, stage: usize) -> &Scope {
        match self.ir.ends_arm_of(stage) {
            Some(route) if !route.fused => self.handed_on(route.stage),
            _ => &self.stages()[stage].after,
        }
    }

    /// The item as it is handed on, in glue at a token.
    pub(super) fn handed(&self, after: &Scope, body: &Body<'_>, at: Span) -> TokenStream {
        let item = item_name(self.glue, after.is_record(), at);
        if !after.is_record() {
            return quote!(#item);
        }
        let keep = |key: &Ident| {
            let key = body.glue.relocated(key, at);
            quote_spanned!(body.glue.at(at)=> #item.#key)
        };
        let handle = || body.task_handle();
        records::literal(self.glue, self.ir, after.keys(), at, keep, handle)
    }
}

/// An arm, and where it belongs.
#[derive(Clone, Copy)]
struct Place<'a> {
    route: &'a Route,
    number: usize,
    branch: &'a Branch,
    /// The last token of the arm, for glue.
    at: Span,
}

/// What is matched.
fn scrutinee(written: &Match, subject: Subject, body: &Body<'_>) -> TokenStream {
    let value = &written.value;
    let at = crate::syntax::ends(value).0;
    let span = body.glue.at(at);
    match subject {
        Subject::Item => {
            let item = body.item_at(at);
            quote!(#item)
        }
        Subject::Key | Subject::Place => {
            let (record, place) = (body.item_at(at), value.to_token_stream());
            quote_spanned!(span=> #record.#place)
        }
        Subject::OfItem | Subject::Value => {
            let (lent, raised) = (lent(written, &[], body), body.private("Raised"));
            let attempt =
                quote_spanned!(span=> #lent ::core::result::Result::Ok::<_, #raised>(#value));
            body.guarded(&attempt, Owns::Nothing)
        }
    }
}

/// What expressions may read: every key, or the item; but what the pattern binds.
fn lent(written: &Match, but: &[Ident], body: &Body<'_>) -> TokenStream {
    let at = crate::syntax::ends(&written.value).0;
    match &written.item {
        None => body.lending_but(at, but),
        Some(name) if but.contains(name) => TokenStream::new(),
        Some(name) => {
            let item = body.item_at(at);
            quote_spanned!(body.span()=> #[allow(unused_variables)] let #name = &#item;)
        }
    }
}

/// `if guard`: what fails in it fails the item.
fn guarded(written: &Match, arm: &Arm, condition: &Expr, body: &Body<'_>) -> TokenStream {
    let (guard, raised) = (body.private("guard"), body.private("Raised"));
    let (lent, failed) = (lent(written, &arm.bindings, body), body.fail(Owns::Nothing));
    quote_spanned! {body.span()=>
        if match #guard(|| {
            #lent
            ::core::result::Result::Ok::<_, #raised>(if #condition { true } else { false })
        }) {
            ::core::result::Result::Ok(passes) => passes,
            ::core::result::Result::Err(cause) => #failed,
        }
    }
}

/// The statement that makes the item of an arm.
fn begun(arm: &Arm, keys: Option<&[Ident]>, subject: Subject, body: &Body<'_>) -> TokenStream {
    let (span, names) = (body.span(), &arm.bindings);
    let item = item_name(body.glue, keys.is_some(), body.user_span());
    if let Some(keys) = keys {
        let value = |key: &Ident| match names.iter().find(|name| *name == key) {
            Some(name) => quote!(#name),
            None => body.field(key),
        };
        if names.is_empty() {
            return TokenStream::new();
        }
        let (at, handle) = (body.user_span(), || body.task_handle());
        let record = records::literal(body.glue, body.ir, keys, at, value, handle);
        return quote_spanned!(span=> let #item = #record;);
    }
    match (subject, names.as_slice()) {
        (Subject::Item, [only]) => quote_spanned!(span=> let #item = #only;),
        (Subject::Item, [_, _, ..]) => quote_spanned!(span=> let #item = (#(#names),*);),
        _ => TokenStream::new(),
    }
}
