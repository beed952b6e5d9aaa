//! A group of workers: its closure, and how it is wired to the port before.

use std::ops::Range;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::body::item_name;
use super::route::Within;
use super::{Body, Expander, attempt};
use crate::check::Placed;
use crate::directive::Mode;
use crate::forms::{Form, Place};
use crate::ir::{Flavour, Input};
use crate::syntax::{ends, parenthesized};

impl Expander<'_> {
    /// The statements that wire a group behind `port`, as a block with the next port as its value.
    pub(super) fn group(
        &self,
        stages: &Range<usize>,
        main: usize,
        flavour: Flavour,
    ) -> TokenStream {
        let stage = &self.stages()[main].stage;
        let at = self.span_of(main);
        let span = self.glue.at(at);
        let opts = self.opts(stage, stages, main, flavour);
        let closure = self.closure(stages, flavour);
        let (port, last) = (self.port_of(stages.start), self.last_of(main));
        let by = self.by(main);
        let private = |name| self.glue.private(name, at);
        let over = |args| parenthesized(args, self.glue.at(last));
        if flavour == Flavour::Sync {
            let (sync, args) = match by {
                None => ("sync", quote_spanned!(span=> #port, #opts, #closure)),
                Some(by) => (
                    "sync_by",
                    quote_spanned!(span=> #port, #opts, #by, #closure),
                ),
            };
            let (sync, args) = (private(sync), over(args));
            return self.with_clones(stages, &quote_spanned!(span=> #sync #args));
        }
        let (function, driver) = match flavour {
            Flavour::Async => ("async_fn", "drive_async"),
            _ => ("flat_fn", "drive_flat"),
        };
        let (function, driver) = (private(function), private(driver));
        let port = if self.opens(stages) {
            let telling = private("telling");
            quote_spanned!(span=> #telling(#port))
        } else {
            port
        };
        let (work, opened) = match by {
            None => ("work", quote_spanned!(span=> #port, #opts)),
            Some(by) => ("work_by", quote_spanned!(span=> #port, #opts, #by)),
        };
        let (work, wire, opened) = (private(work), private("stage"), over(opened));
        let typed = over(quote_spanned!(span=> &work, #closure));
        let boxed = over(quote_spanned! {span=>
            #driver(::core::clone::Clone::clone(&work), ::core::clone::Clone::clone(&f))
        });
        let counted = flavour == Flavour::Async && !self.ir.arms(stages).is_empty();
        let arms = counted.then(|| {
            let (arms, counter) = (private("arms"), Ident::new("arms", self.glue.apart()));
            quote_spanned!(span=> let #counter = #arms(&work);)
        });
        let wired = quote_spanned! {span=>
            let (half, work) = #work #opened;
            #arms
            let f = #function #typed;
            #wire(half, move || ::std::boxed::Box::pin #boxed)
        };
        self.with_clones(stages, &wired)
    }

    /// A block in which the shared values are clones and the hoisted expressions are evaluated.
    pub(super) fn with_clones(&self, stages: &Range<usize>, wired: &TokenStream) -> TokenStream {
        let (clones, hoisted) = (self.clones(), self.hoisted(stages));
        quote!({ #clones #hoisted #wired })
    }

    /// What is evaluated once, before anything runs.
    fn hoisted(&self, stages: &Range<usize>) -> TokenStream {
        let mut statements = TokenStream::new();
        for number in stages.clone() {
            let stage = &self.stages()[number].stage;
            let form = stage.form();
            statements.extend(form.map(|form| form.hoisted(self.glue, number)));
            let options = stage.options.iter();
            statements.extend(options.filter_map(|given| given.hoisted(self.glue, number)));
        }
        statements
    }

    /// The one closure of a group: straight-line code.
    pub(super) fn closure(&self, stages: &Range<usize>, flavour: Flavour) -> TokenStream {
        // The braces lie elsewhere than the head: a pattern with exactly the closure's span gets rustc's false advice.
        let (at, last) = self.ends_of(stages);
        let (span, end) = (self.glue.at(at), self.glue.at(last));
        let steps = self.steps_after_entry(stages, flavour);
        let entry = self.entry_type(stages, at);
        let mut braces = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, steps);
        braces.set_span(end);
        let (entry, closing) = (
            quote_spanned!(span=> entry: #entry),
            quote_spanned!(end=> |),
        );
        match flavour {
            Flavour::Sync => {
                let cx = self.glue.private("Cx", at);
                quote_spanned!(span=> move |#entry, cx: &#cx #closing #braces)
            }
            Flavour::Sighted => {
                let sight = self.glue.private("Sight", at);
                quote_spanned!(span=> move |#entry, sight: &#sight<'_> #closing #braces)
            }
            Flavour::Async => quote_spanned!(span=> async move |#entry #closing #braces),
            _ => quote_spanned!(span=> async move |#entry, emitter #closing #braces),
        }
    }

    fn entry_type(&self, stages: &Range<usize>, at: Span) -> TokenStream {
        let entry = self.glue.private("Entry", at);
        if self.again(stages).is_some() {
            return quote_spanned!(self.glue.at(at)=> #entry<_, _>);
        }
        let never = self.glue.private("Never", at);
        quote_spanned!(self.glue.at(at)=> #entry<_, #never>)
    }

    /// The stage of the group that items may come to again.
    fn again(&self, stages: &Range<usize>) -> Option<usize> {
        let comes_again = |number: &usize| attempt::comes_again(&self.stages()[*number].stage);
        stages.clone().find(comes_again)
    }

    /// Whether a task of the journal is opened in the group.
    pub(super) fn opens(&self, stages: &Range<usize>) -> bool {
        stages.clone().any(|number| {
            let placed = &self.stages()[number];
            placed.stage.mode() == Mode::Journal && !placed.before.is_record()
        })
    }

    fn steps_after_entry(&self, stages: &Range<usize>, flavour: Flavour) -> TokenStream {
        let at = self.span_of(stages.start);
        let span = self.glue.at(at);
        let Some(main) = self.again(stages) else {
            let item = self.item_before(stages.start);
            let steps = self.steps(stages.clone(), flavour, 0, &|level| {
                self.emit(stages, flavour, level)
            });
            if !self.opens(stages) {
                return quote_spanned!(span=> let #item = entry.fresh(); #steps);
            }
            let (told, message) = (
                self.glue.private("told", at),
                self.glue.ident("message", at),
            );
            return quote_spanned!(span=> let (#item, #message) = #told(entry.fresh()); #steps);
        };
        let (first, item) = (self.item_before(stages.start), self.item_before(main));
        let entry = self.glue.private("Entry", at);
        let head = self.steps(
            stages.start..main,
            flavour,
            0,
            &|_| quote_spanned!(span=> (#item, 1u32, false)),
        );
        let rest = self.steps(main..stages.end, flavour, 0, &|level| {
            self.emit(stages, flavour, level)
        });
        quote_spanned! {span=>
            let (#item, attempt, entered) = match entry {
                #entry::Fresh(#first) => { #head }
                #entry::Again(item, attempt, entered) => (item, attempt, entered),
            };
            #rest
        }
    }

    /// The stages' statements, with `end` behind the last.
    pub(super) fn steps(
        &self,
        mut stages: Range<usize>,
        flavour: Flavour,
        level: usize,
        end: &dyn Fn(usize) -> TokenStream,
    ) -> TokenStream {
        let Some(number) = stages.next() else {
            return end(level);
        };
        let body = self.body(number, flavour, level);
        let reached = body.reached();
        if let Some(route) = self.ir.route(number) {
            let within = Within {
                flavour,
                level,
                end,
            };
            let routed = self.routed(route, route.end..stages.end, within);
            return quote!(#reached #routed);
        }
        if let Some(tee) = body.placed.stage.tee() {
            let (made, rest) = (self.made(tee, &body), end(level));
            return quote!(#reached #made #rest);
        }
        let Some(form) = body.placed.stage.form() else {
            return end(level);
        };
        let inner = level + usize::from(form.kind().place == Place::Multiplies);
        let expanded = form.expand(&body, self.steps(stages, flavour, inner, end));
        quote!(#reached #expanded)
    }

    /// What the expansion of a stage may use.
    pub(super) fn body(&self, number: usize, flavour: Flavour, level: usize) -> Body<'_> {
        Body {
            glue: self.glue,
            ir: self.ir,
            placed: &self.stages()[number],
            number,
            flavour,
            level,
            previous: self.previous(number),
        }
    }

    /// The end of the group's code.
    fn emit(&self, stages: &Range<usize>, flavour: Flavour, level: usize) -> TokenStream {
        let Some(last) = self.ir.last(stages) else {
            return TokenStream::new();
        };
        let (after, handed) = (&self.stages()[last].after, self.handed_on(last));
        let item = if after.is_record() && after.keys() != handed.keys() {
            let body = self.body(last, flavour, level);
            self.handed(handed, &body, self.span_of(last))
        } else {
            let item = item_name(self.glue, after.is_record(), self.span_of(last));
            quote!(#item)
        };
        let item = match self.ir.tee(last) {
            None => item,
            Some(tee) => self.beside(tee, &item),
        };
        self.emitted(&item, flavour, level)
    }

    /// An item leaves the group.
    pub(super) fn emitted(
        &self,
        item: &TokenStream,
        flavour: Flavour,
        level: usize,
    ) -> TokenStream {
        let span = self.glue.apart();
        let step = self.glue.private("Step", span);
        if level == 0 || flavour == Flavour::Sync {
            return quote_spanned!(span=> #step::Emit(#item));
        }
        quote_spanned! {span=>
            if emitter.emit(#item).await.is_break() {
                return #step::Gone;
            }
        }
    }

    fn item_before(&self, number: usize) -> Ident {
        let is_record = self.stages()[number].before.is_record();
        item_name(self.glue, is_record, self.previous(number))
    }

    /// The function that made what a stage takes; behind the source there is only its own.
    fn previous(&self, number: usize) -> Span {
        self.span_of(match self.ir.input(number) {
            Input::Source => number,
            Input::Stage(before) | Input::Arm { of: before, .. } | Input::Side { of: before } => {
                before
            }
        })
    }

    /// The token that stands for a stage.
    pub(super) fn span_of(&self, number: usize) -> Span {
        let Some(Placed { stage, .. }) = self.stages().get(number) else {
            return Span::call_site();
        };
        stage.form().map_or(stage.span, Form::span)
    }

    /// The first and the last token of some stages.
    pub(super) fn ends_of(&self, stages: &Range<usize>) -> (Span, Span) {
        let first = self.span_of(stages.start);
        let last = self.ir.last(stages);
        (first, last.map_or(first, |last| self.last_of(last)))
    }

    fn last_of(&self, number: usize) -> Span {
        let Placed { stage, .. } = &self.stages()[number];
        match &stage.body {
            crate::ast::Body::Drive(sink) => ends(sink).1,
            crate::ast::Body::Form(form) => form.last(),
            crate::ast::Body::Match(route) => route.braces,
            crate::ast::Body::Tee(tee) => tee.braces,
        }
    }
}
