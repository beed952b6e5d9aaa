//! The static that names the stages.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::check::{Checked, Placed};
use crate::glue::Glue;
use crate::ir::Ir;

/// The static's name at a place.
pub(crate) fn name(glue: &Glue, span: Span) -> Ident {
    glue.ident("__BRIGADE_SITE", span)
}

/// The static.
pub(crate) fn definition(glue: &Glue, checked: &Checked, ir: &Ir) -> TokenStream {
    let span = glue.apart();
    let name = name(glue, span);
    let (site, meta) = (glue.private("Site", span), glue.private("StageMeta", span));
    let stages = checked.stages.iter().zip(&ir.nodes).map(|(placed, node)| {
        let Placed { stage, before, .. } = placed;
        let (stage_name, text, frames) = (&node.name, &stage.text, before.frames());
        let line = u32::try_from(stage.span.start().line).unwrap_or(u32::MAX);
        quote_spanned! {span=>
            #meta { name: #stage_name, line: #line, command: #text, frames: &[#(#frames),*] }
        }
    });
    quote_spanned! {span=>
        static #name: #site = #site { file: ::core::file!(), stages: &[#(#stages),*] };
    }
}
