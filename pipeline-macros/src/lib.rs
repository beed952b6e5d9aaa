//! The proc macro behind `brigade::pipeline!`.

#[doc(hidden)]
#[proc_macro]
pub fn __pipeline(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    input
}
