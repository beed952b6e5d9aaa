//! What the compiler says: `tests/ui/fail` holds programs with a mistake and what is said about it, `tests/ui/pass`
//! programs that must compile without a warning, run, and end well.

#[test]
fn every_mistake_is_explained_at_the_users_token() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn every_program_compiles_without_a_warning_and_runs() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
}
