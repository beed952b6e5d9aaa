//! The phases without rustc.

mod caret;
mod errors;
mod expansion;
mod groups;
mod programs;
mod soup;

use proc_macro2::TokenStream;
use quote::quote;

/// What `pipeline! { source }` passes to the proc macro.
fn invocation(source: &str) -> TokenStream {
    invocation_of(&source.parse().unwrap())
}

fn invocation_of(body: &TokenStream) -> TokenStream {
    quote!(brigade ; #body)
}
