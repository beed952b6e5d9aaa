//! The proc macro behind `brigade::pipeline!`: parse, check, lower, expand. It knows no scheduling.

mod args;
mod ast;
mod check;
mod closure;
mod directive;
mod errors;
mod expand;
mod forms;
mod func;
mod glue;
mod ir;
mod lower;
mod nearest;
mod options;
mod parse;
mod pipeline;
mod print;
mod syntax;
#[cfg(test)]
mod tests;
mod text;

/// `pipeline!` passes `$crate ;` and its own tokens.
#[doc(hidden)]
#[proc_macro]
pub fn __pipeline(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    pipeline::expand(input.into()).into()
}
