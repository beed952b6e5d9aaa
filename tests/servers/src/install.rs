//! Python packages, each in a virtual environment of its own.

use std::fs::{File, create_dir_all, remove_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package and the program in it.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// As `pip` wants it, with its version.
    requirement: &'static str,
    /// In the folder of programs; or, with a `/`, of a package that brings one, where that is.
    program: &'static str,
}

const PACKAGES: [Package; 5] = [
    Package {
        name: "ministack",
        requirement: "ministack==1.5.33",
        program: "ministack",
    },
    Package {
        name: "moto",
        requirement: "moto[server]==5.2.5",
        program: "moto_server",
    },
    Package {
        name: "microburst",
        requirement: "microburst==0.10.0",
        program: "microburst",
    },
    Package {
        name: "osmem",
        requirement: "osmem-server==0.1.6",
        program: "osmem_server/bin/osmem-server",
    },
    Package {
        name: "noida",
        requirement: "noida-db==0.2.3",
        program: "noida_db/noida-db",
    },
];

/// Where the program of a package is; installs it first if need be.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    let package = PACKAGES.iter().find(|package| package.name == name);
    let package = package.ok_or_else(|| format!("no package `{name}` is listed"))?;
    let directory = target()?.join("servers");
    create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let place = directory.join(package.requirement.replace(['[', ']', '='], "-"));
    // Tests of several programs may want it at the same time.
    let lock = File::create(place.with_extension("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !place.join("installed").exists() {
        let _ = remove_dir_all(&place);
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let pip = [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            package.requirement,
        ];
        run(Command::new(place.join("bin/pip")).args(pip))?;
        write(place.join("installed"), "").map_err(|error| error.to_string())?;
    }
    if package.program.contains('/') {
        return brought(&place, package.program);
    }
    Ok(place.join("bin").join(package.program))
}

/// A program that lies among the modules, in a folder that has Python's version in its name.
fn brought(place: &Path, program: &str) -> Result<PathBuf, String> {
    let folder = place.join("lib");
    let folders = folder
        .read_dir()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let programs = folders
        .flatten()
        .map(|folder| folder.path().join("site-packages").join(program));
    let mut there = programs.filter(|program| program.exists());
    there
        .next()
        .ok_or_else(|| format!("{program} is not in {}", folder.display()))
}

/// Cargo's target directory: what is run is in the directory of a profile in it, or one below that. (Cargo puts a tag into
/// a target directory that it makes, but not into one that was there before. With `--target` it is the directory of that
/// target.)
pub(crate) fn target() -> Result<PathBuf, String> {
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut folders = executable.ancestors().skip(1);
    let mut profile = folders.next();
    if profile.is_some_and(|folder| folder.ends_with("deps") || folder.ends_with("examples")) {
        profile = folders.next();
    }
    let target = profile.and_then(Path::parent);
    let target =
        target.ok_or_else(|| format!("{} is in no target directory", executable.display()))?;
    Ok(target.to_path_buf())
}

fn run(command: &mut Command) -> Result<(), String> {
    let said = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&said.stderr);
    let last = errors.trim().lines().next_back().unwrap_or_default();
    Err(format!("{command:?} fails: {last}"))
}
