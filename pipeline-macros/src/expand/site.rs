//! The static that names the stages.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::check::{Checked, Placed};
use crate::glue::Glue;
use crate::ir::{Input, Ir, Unit};

/// The static's name at a place.
pub(crate) fn name(glue: &Glue, span: Span) -> Ident {
    glue.ident("__BRIGADE_SITE", span)
}

/// The static.
pub(crate) fn definition(glue: &Glue, checked: &Checked, ir: &Ir) -> TokenStream {
    let span = glue.apart();
    let name = name(glue, span);
    let (site, meta) = (glue.private("Site", span), glue.private("StageMeta", span));
    let stages = checked.stages.iter().zip(&ir.nodes).enumerate();
    let stages = stages.map(|(number, (placed, node))| {
        let inlets = inlets(glue, ir, number);
        let Placed { stage, before, .. } = placed;
        let (stage_name, text, frames) = (&node.name, &stage.text, before.frames());
        let line = u32::try_from(stage.span.start().line).unwrap_or(u32::MAX);
        quote_spanned! {span=>
            #meta { name: #stage_name, line: #line, command: #text, frames: &[#(#frames),*], inlets: &[#inlets] }
        }
    });
    quote_spanned! {span=>
        static #name: #site = #site { file: ::core::file!(), stages: &[#(#stages),*] };
    }
}

/// What leads to a stage from the arms of a `match` in its own group.
fn inlets(glue: &Glue, ir: &Ir, number: usize) -> TokenStream {
    let (span, input) = (glue.apart(), ir.input(number));
    let Some(stages) = ir.unit_of(number).map(Unit::stages) else {
        return TokenStream::new();
    };
    let row = |stage: usize| stage.saturating_sub(stages.start);
    let (inlet, first) = (glue.private("Inlet", span), ir.arms(&stages).start);
    let (Input::Stage(before) | Input::Arm { of: before, .. }) = input else {
        return TokenStream::new();
    };
    let Some(route) = ir.route(before).filter(|_| stages.contains(&before)) else {
        return TokenStream::new();
    };
    let of = row(before);
    if let Input::Arm { arm, .. } = input {
        let branch = &route.arms[arm];
        let (pattern, end) = (&branch.pattern, row(branch.stages.end));
        return branch.fused.map_or_else(TokenStream::new, |arm| {
            let arm = arm - first;
            quote_spanned!(span=> #inlet::Arm { of: #of, arm: #arm, end: #end, pattern: #pattern })
        });
    }
    let back = route.arms.iter().filter(|branch| branch.returns);
    let back = back.filter_map(|branch| {
        let (arm, from) = (
            branch.fused? - first,
            ir.last(&branch.stages).map_or(of, row),
        );
        Some(quote_spanned!(span=> #inlet::Back { from: #from, arm: #arm }))
    });
    quote!(#(#back),*)
}
