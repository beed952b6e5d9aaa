//! `BRIGADE_EXPAND=1 cargo build` prints every expansion, formatted by `rustfmt` where there is one.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proc_macro2::TokenStream;

/// Prints the expansion to standard error if the variable is set.
pub(crate) fn if_wanted(output: &TokenStream) {
    if std::env::var_os("BRIGADE_EXPAND").is_some_and(|value| value != "0") {
        let source = format!("fn expansion() {output}").replace("$crate", "brigade");
        eprintln!("{}", formatted(&source).unwrap_or(source));
    }
}

fn formatted(source: &str) -> Option<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // The pipe is closed at the end of the statement, which is what rustfmt waits for.
    rustfmt.stdin.take()?.write_all(source.as_bytes()).ok()?;
    let output = rustfmt.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then_some(text)
}
