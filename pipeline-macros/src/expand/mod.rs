//! Groups to Rust. Nothing is parsed here and nothing reported.

mod arms;
mod attempt;
mod body;
mod by;
mod call;
mod ends;
mod exit;
mod group;
mod once;
mod opts;
mod records;
mod route;
mod site;
mod tee;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use syn::Lifetime;

use crate::ast::Header;
use crate::check::{Checked, Placed};
use crate::glue::Glue;
use crate::ir::{Input, Ir, Unit};
use crate::syntax::{ends, parenthesized};

pub(crate) use body::{Body, Owns};
pub(crate) use ends::Wiring;

/// The whole expansion: a block whose value is a pipeline or a segment.
pub(crate) fn expand(glue: &Glue, checked: &Checked, ir: &Ir) -> TokenStream {
    Expander { glue, checked, ir }.block()
}

struct Expander<'a> {
    glue: &'a Glue,
    checked: &'a Checked,
    ir: &'a Ir,
}

impl Expander<'_> {
    fn stages(&self) -> &[Placed] {
        &self.checked.stages
    }

    /// The user's code comes first. An editor finds the caret by what stands in front of it, so that must not depend on
    /// what is typed there: the record types and the site name it too.
    fn block(&self) -> TokenStream {
        let span = self.glue.at(Span::call_site());
        let label = Lifetime::new("'pipeline", span);
        let (lanes, copies) = (self.lanes(), self.copies());
        let records = records::types(self.glue, self.ir, &quote!(#lanes #copies));
        let site = site::definition(self.glue, self.checked, self.ir);
        let (journal, shared) = (self.journal(), self.shared());
        let value = match self.checked.header {
            Some(_) => self.pipeline(),
            None => self.segment(),
        };
        quote_spanned! {span=>
            #label: { #journal #shared break #label { #value }; #records #site }
        }
    }

    /// What gathers for the journal.
    fn journal(&self) -> Option<TokenStream> {
        let journal = self.checked.journal.as_ref()?;
        let (first, last) = ends(&journal.value);
        let (records, value) = (self.glue.private("Records", first), &journal.value);
        let (name, value) = (
            self.glue.ident("journal", first),
            parenthesized(quote!(#value), self.glue.at(last)),
        );
        Some(quote_spanned!(self.glue.at(first)=> let #name = #records::<_>::recorder #value;))
    }

    /// The port of the input, with what gathers for the journal.
    fn opened(&self, header: &Header) -> TokenStream {
        let open = self.open(header);
        let Some(journal) = &self.checked.journal else {
            return open;
        };
        let (journaled, journal) = (
            self.glue.private("journaled", journal.span),
            self.glue.ident("journal", journal.span),
        );
        quote_spanned!(self.glue.at(Span::call_site())=> #journaled(#open, &#journal))
    }

    /// The values of `use`; a segment's own, so that the originals stay usable.
    fn shared(&self) -> TokenStream {
        let shares = self.checked.shares.iter();
        shares
            .filter(|share| share.value.is_some() || self.ir.is_segment)
            .map(|share| {
                let name = &share.name;
                let span = self.glue.at(name.span());
                let value = share.value.as_ref().map_or_else(
                    || quote_spanned!(span=> #name),
                    |value| quote_spanned!(span=> (#value)),
                );
                let allowed = self.may_be_unused();
                quote_spanned!(span=> #allowed let #name = ::core::clone::Clone::clone(&#value);)
            })
            .collect()
    }

    fn may_be_unused(&self) -> TokenStream {
        quote_spanned!(self.glue.apart()=> #[allow(unused_variables)])
    }

    /// A clone of every shared value.
    fn clones(&self) -> TokenStream {
        let (shares, allowed) = (self.checked.shares.iter(), self.may_be_unused());
        let journal = self.checked.journal.as_ref().map(|journal| {
            let span = self.glue.at(journal.span);
            let name = self.glue.ident("journal", journal.span);
            quote_spanned!(span=> #allowed let #name = ::core::clone::Clone::clone(&#name);)
        });
        shares
            .map(|share| {
                let name = &share.name;
                let span = self.glue.at(name.span());
                quote_spanned!(span=> #allowed let #name = ::core::clone::Clone::clone(&#name);)
            })
            .chain(journal)
            .collect()
    }

    fn pipeline(&self) -> TokenStream {
        let span = self.glue.apart();
        let Some(header) = &self.checked.header else {
            return TokenStream::new();
        };
        let value = if let [Unit::Inline { stages }] = self.ir.units.as_slice() {
            self.inline(header, stages)
        } else {
            let (open, wired) = (self.opened(header), self.wired());
            quote_spanned!(span=> { let port = #open; #wired })
        };
        match &header.errors {
            None => value,
            Some(errors) => {
                let with_errors = self.with_errors(errors);
                quote_spanned!(span=> let pipeline = #value; #with_errors)
            }
        }
    }

    fn segment(&self) -> TokenStream {
        let call = Span::call_site();
        let (segment, site) = (
            self.glue.private("segment", call),
            site::name(self.glue, call),
        );
        let wired = self.wired();
        quote_spanned! {self.glue.at(call)=>
            #segment(&#site, ::std::boxed::Box::new(move |port| { #wired }))
        }
    }

    /// The statements that wire everything behind the source's port, and the value of the last.
    fn wired(&self) -> TokenStream {
        let span = self.glue.apart();
        let mut units = self.ir.units.as_slice();
        let mut driven = None;
        if let [front @ .., Unit::Drive { pre, stage }] = units {
            driven = Some(self.drive("drive", pre, *stage));
            units = front;
        }
        let statements = self.units(units);
        if let Some(driven) = driven {
            return quote_spanned!(span=> #statements #driven);
        }
        let output = units.last().map_or(Input::Source, |unit| self.output(unit));
        if self.ir.is_segment {
            let port = self.port_name(output, span);
            return quote_spanned!(span=> #statements #port);
        }
        if let Input::Stage(last) = output
            && self.ir.route(last).is_some_and(|route| !route.returns())
        {
            let (driven, branches) = (self.glue.private("driven", span), self.branches_name(last));
            return quote_spanned!(span=> #statements #driven(#branches));
        }
        let finish = self.glue.private("finish", Span::call_site());
        let port = self.port_behind(output, Span::call_site());
        quote_spanned!(span=> #statements #finish(#port))
    }

    /// The statements that wire these units.
    fn units(&self, units: &[Unit]) -> TokenStream {
        let span = self.glue.apart();
        let mut statements = TokenStream::new();
        for unit in units {
            let value = match unit {
                Unit::Group {
                    stages,
                    main,
                    flavour,
                } => self.group(stages, *main, *flavour),
                Unit::Wired { stage, post } => self.wire(*stage, post),
                Unit::Arms { stage, arms } => {
                    statements.extend(self.arms(*stage, arms));
                    continue;
                }
                Unit::Side { stage, units } => {
                    statements.extend(self.side(*stage, units));
                    continue;
                }
                Unit::Drive { pre, stage } => {
                    let driven = self.drive("drive_arm", pre, *stage);
                    statements.extend(quote_spanned!(span=> #driven;));
                    continue;
                }
                Unit::Inline { .. } => continue,
            };
            let port = self.port_name(self.output(unit), span);
            statements.extend(quote_spanned!(span=> let #port = #value;));
        }
        statements
    }

    /// What a unit hands on.
    fn output(&self, unit: &Unit) -> Input {
        if let Unit::Arms { stage, .. } | Unit::Side { stage, .. } = unit {
            return Input::Stage(*stage);
        }
        let last = self.ir.last(&unit.stages());
        last.map_or(Input::Source, Input::Stage)
    }

    /// The port that a stage takes from.
    fn port_of(&self, stage: usize) -> TokenStream {
        self.port_behind(self.ir.input(stage), self.span_of(stage))
    }

    /// The port behind a stage, located at the group that made it: what does not fit between two groups is then said
    /// once, at the first. That of the source is located where it is used, `at`.
    fn port_behind(&self, input: Input, at: Span) -> TokenStream {
        let made_by = match input {
            Input::Stage(stage) => self.ir.unit_of(stage),
            Input::Source | Input::Arm { .. } | Input::Side { .. } => None,
        };
        let Some(main) = made_by.map(Unit::main) else {
            let port = self.port_name(input, at);
            return quote!(#port);
        };
        let (first, last) = self.ends_of(&(main..main + 1));
        let (span, port) = (self.glue.at(first), self.port_name(input, first));
        let port = parenthesized(quote!(#port), self.glue.at(last));
        quote_spanned!(span=> ::core::convert::identity #port)
    }

    /// The local that holds the port behind a stage, or that of the source.
    pub(super) fn port_name(&self, input: Input, at: Span) -> Ident {
        match input {
            Input::Source => self.glue.ident("port", at),
            Input::Stage(stage) => self.glue.numbered("port", stage, at),
            Input::Arm { of, arm } => self.glue.numbered(&format!("lane{of}_"), arm, at),
            Input::Side { of } => self.glue.numbered("side", of, at),
        }
    }
}
