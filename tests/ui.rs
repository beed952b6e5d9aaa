//! What the compiler says: `tests/ui/fail` holds programs with a mistake and what is said about it, `tests/ui/pass`
//! programs that must compile without a warning and run.

#[test]
fn every_mistake_is_explained_at_the_users_token() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
}
