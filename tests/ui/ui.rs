//! What the compiler says: `fail` holds programs with a mistake and what is said about it, `pass` programs that must
//! compile without a warning, run, and end well.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_mistake_is_explained_at_the_users_token() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
}

#[test]
fn every_program_compiles_without_a_warning_and_runs() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
}

#[test]
fn after_a_mistake_an_editor_still_sees_typed_closures() {
    let plain = errors_of("editor/closures_after_a_mistake.rs", &[]);
    assert_eq!(plain.len(), 3, "{plain:#?}");
    let editor = errors_of(
        "editor/closures_after_a_mistake.rs",
        &["--cfg", "rust_analyzer"],
    );
    assert_eq!(editor, plain);
}

/// The first lines of what `rustc` says about a program that uses this build of `brigade`.
fn errors_of(program: &str, flags: &[&str]) -> Vec<String> {
    let exe = std::env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "bin",
            "--emit",
            "metadata",
        ])
        .arg("--out-dir")
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("brigade={}", newest(deps, "libbrigade-").display()))
        .args(flags)
        .arg(program)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let errors = said.lines().filter(|line| line.starts_with("error"));
    errors
        .filter(|line| !line.starts_with("error: aborting"))
        .map(str::to_owned)
        .collect()
}

/// The library built last.
fn newest(deps: &Path, prefix: &str) -> PathBuf {
    let files = std::fs::read_dir(deps).unwrap().map(|entry| entry.unwrap());
    let libraries = files.filter(|entry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.starts_with(prefix) && entry.path().extension().is_some_and(|kind| kind == "rlib")
    });
    let newest = libraries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest
        .expect("the library is built before its tests")
        .path()
}
