//! What is written about a group: `Opts::block(0..2, 1).count(4)`.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::Expander;
use crate::ast::Stage;
use crate::directive::{Count, Mode};
use crate::glue::Glue;
use crate::ir::Flavour;
use crate::options::Emit;

impl Expander<'_> {
    /// The options of the group that runs `stages`; `stage` is number `main`, the one with the directive.
    pub(super) fn opts(
        &self,
        stage: &Stage,
        stages: &Range<usize>,
        main: usize,
        flavour: Flavour,
    ) -> TokenStream {
        let opts = opts(self.glue, stage, stages, main, flavour);
        let arms = self.ir.arms(stages).len();
        if arms == 0 {
            return opts;
        }
        quote_spanned!(self.glue.at(stage.span)=> #opts.arms(#arms))
    }
}

fn opts(
    glue: &Glue,
    stage: &Stage,
    stages: &Range<usize>,
    main: usize,
    flavour: Flavour,
) -> TokenStream {
    let span = glue.at(stage.span);
    let opts = glue.private("Opts", stage.span);
    let kind = match stage.mode() {
        Mode::Fused | Mode::Tasks => "tasks",
        Mode::Block => "block",
        Mode::Async | Mode::Drive => "asynchronous",
        Mode::Journal => "journal",
    };
    let kind = glue.ident(kind, stage.span);
    let (start, end) = (stages.start, stages.end);
    let (count, settings) = (count(glue, stage), settings(glue, stage, main));
    let inline = (flavour == Flavour::FlatInline).then(|| quote_spanned!(span=> .inline()));
    quote_spanned!(span=> #opts::#kind(#start..#end, #main) #count #(#settings)* #inline)
}

/// What is written in `with { … }`, in that order.
fn settings(glue: &Glue, stage: &Stage, number: usize) -> Vec<TokenStream> {
    let emit = |given| Emit {
        glue,
        given,
        mode: stage.mode(),
        stage: number,
    };
    let given = stage.options.iter();
    given
        .map(|given| (given.spec.emits)(&emit(given)))
        .collect()
}

fn count(glue: &Glue, stage: &Stage) -> Option<TokenStream> {
    let count = &stage.directive.as_ref()?.count;
    let span = glue.at(count.span()?);
    Some(match count {
        Count::One => return None,
        Count::Literal(count, _) => quote_spanned!(span=> .count(#count)),
        Count::Computed(expr) => quote_spanned!(span=> .count(#expr)),
    })
}
