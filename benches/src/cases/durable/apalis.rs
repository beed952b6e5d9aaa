//! apalis with SQLite, in a program of its own: see the package `benches/apalis`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::case::Sample;
use crate::tools::{build, target_dir};

/// Built when it is first asked for, which is before it is measured.
static PEER: LazyLock<PathBuf> = LazyLock::new(|| {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("apalis");
    build(&package, Some(&target_dir().join("apalis")), &[]).join("apalis-peer")
});

pub(super) fn tuned(tasks: u64) -> Sample {
    run(tasks, &["--tuned"])
}

pub(super) fn as_it_comes(tasks: u64) -> Sample {
    run(tasks, &[])
}

fn run(tasks: u64, arguments: &[&str]) -> Sample {
    let output = Command::new(&*PEER)
        .arg(tasks.to_string())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("the peer runs");
    assert!(output.status.success(), "the peer failed");
    let told: BTreeMap<String, f64> =
        serde_json::from_slice(&output.stdout).expect("it tells numbers");
    Sample::new()
        .with("wall", told["wall"])
        .with("cpu", told["cpu"])
}
