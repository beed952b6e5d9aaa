//! Any text that is tokens, as the body of a `pipeline!`: the macro answers with an expansion or with errors, it never
//! panics. Run with `cargo +nightly fuzz run pipeline`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;
use quote::quote;

// A proc macro's crate exports nothing else: the target compiles its modules itself.
macro_rules! modules {
    ($($name:ident $path:literal)*) => {
        $(#[path = $path] mod $name;)*
    };
}

modules! {
    args "../../pipeline-macros/src/args.rs"
    ast "../../pipeline-macros/src/ast.rs"
    check "../../pipeline-macros/src/check/mod.rs"
    closure "../../pipeline-macros/src/closure/mod.rs"
    directive "../../pipeline-macros/src/directive.rs"
    errors "../../pipeline-macros/src/errors.rs"
    expand "../../pipeline-macros/src/expand/mod.rs"
    forms "../../pipeline-macros/src/forms/mod.rs"
    func "../../pipeline-macros/src/func.rs"
    glue "../../pipeline-macros/src/glue.rs"
    ir "../../pipeline-macros/src/ir.rs"
    lower "../../pipeline-macros/src/lower/mod.rs"
    nearest "../../pipeline-macros/src/nearest.rs"
    options "../../pipeline-macros/src/options/mod.rs"
    parse "../../pipeline-macros/src/parse/mod.rs"
    pipeline "../../pipeline-macros/src/pipeline.rs"
    print "../../pipeline-macros/src/print.rs"
    syntax "../../pipeline-macros/src/syntax.rs"
    text "../../pipeline-macros/src/text.rs"
}

fuzz_target!(|source: &str| {
    if let Ok(tokens) = source.parse::<TokenStream>() {
        let _ = pipeline::expand(quote!(brigade ; #tokens));
    }
});
