//! Programs that are built here, or installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds a binary of a package in release, into the target folder of this command or another one.
pub fn build(package: &Path, target: Option<&Path>, what: &[&str]) -> PathBuf {
    let target = target.map_or_else(target_dir, Path::to_owned);
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "--locked", "--target-dir"])
        .arg(&target)
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .args(what)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what:?} does not build:\n{said}");
    target.join("release")
}

/// The target folder of this command.
pub fn target_dir() -> PathBuf {
    let exe = env::current_exe().expect("the command has a path");
    let target = exe.ancestors().nth(2);
    target
        .expect("the command is in a target folder")
        .to_owned()
}

/// Whether a program is installed, asked with an argument that only tells something.
pub fn has(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
