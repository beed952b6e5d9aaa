//! The phases without rustc.

mod errors;
mod expansion;
mod groups;
mod soup;

use proc_macro2::TokenStream;
use quote::quote;

/// What `pipeline! { source }` passes to the proc macro.
fn invocation(source: &str) -> TokenStream {
    let source: TokenStream = source.parse().unwrap();
    quote!(brigade ; #source)
}
