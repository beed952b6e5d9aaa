//! The expansion raises no lint: with the strictest settings, and with every common name redefined.

#![deny(warnings)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]

#[path = "ui/pass/shadowed_names.rs"]
mod shadowed_names;

#[test]
fn a_pipeline_raises_no_lint() {
    shadowed_names::main();
}
