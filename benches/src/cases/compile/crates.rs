//! Crates that are written, and compiled again and again.

use std::env;
use std::fs;
use std::path::Path;
use std::process;
use std::time::Instant;

use super::sources::{Wiring, program};
use crate::tools::target_dir;

/// What cargo does.
#[derive(Clone, Copy)]
pub(super) enum Command {
    Check,
    Debug,
    Release,
}

impl Command {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Check => &["check"],
            Self::Debug => &["build"],
            Self::Release => &["build", "--release"],
        }
    }
}

/// Compiles a crate with so many stages, and says how many milliseconds it took. The first time, what it depends on is
/// among them.
pub(super) fn compile(wiring: Wiring, stages: usize, command: Command) -> f64 {
    let target = target_dir().join("compile");
    let folder = target.join(format!("{}-{stages}", wiring.name()));
    write(&folder, wiring, stages);
    let begin = Instant::now();
    let output = process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(command.arguments())
        .args(["--quiet", "--offline", "--target-dir"])
        .arg(&target)
        .current_dir(&folder)
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("CARGO_PROFILE_DEV_DEBUG")
        .output()
        .expect("cargo runs");
    let took = begin.elapsed().as_secs_f64() * 1e3;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it does not compile:\n{said}");
    took
}

/// Writes the crate. cargo goes by the time of the file, so that it is compiled anew.
fn write(folder: &Path, wiring: Wiring, stages: usize) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |name: &str, text: &str| fs::write(folder.join(name), text);
    let written = || {
        fs::create_dir_all(folder.join("src"))?;
        put("Cargo.toml", &manifest(&here.join(".."), wiring, stages))?;
        // The versions that are here already.
        fs::copy(here.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        put("src/main.rs", &program(wiring, stages))
    };
    written().expect("the target folder can be written");
}

fn manifest(root: &Path, wiring: Wiring, stages: usize) -> String {
    let (name, root) = (wiring.name(), root.display());
    let wired_with = match wiring {
        Wiring::Macro | Wiring::Arms => format!("brigade = {{ path = \"{root}\" }}"),
        Wiring::Hand => "futures = \"0.3\"".to_owned(),
    };
    format!(
        "[package]\nname = \"{name}-{stages}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{wired_with}\n\
         tokio = {{ version = \"1\", features = [\"full\"] }}\n"
    )
}
