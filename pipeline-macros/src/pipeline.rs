//! The phases.

use proc_macro2::TokenStream;

use crate::errors::Errors;
use crate::glue::Glue;
use crate::{check, expand, lower, parse, print};

/// The expansion of one pipeline, or its errors.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (krate, parsed) = parse::parse(input, &mut errors);
    let checked = check::check(parsed, &mut errors);
    let (stages, ir) = lower::lower(checked);
    let glue = Glue::new(krate);
    let expanded = expand::expand(&glue, &stages, &ir);
    let output = errors.instead_of(expanded, glue.apart());
    print::if_wanted(&output);
    output
}
