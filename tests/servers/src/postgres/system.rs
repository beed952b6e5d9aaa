//! What the system has for it: its programs, and a user to run them as.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As whom it runs: it refuses to be root.
pub(super) enum User {
    Own,
    Postgres,
}

impl User {
    pub(super) fn current() -> Result<Self, String> {
        let said = Command::new("id").arg("-u").output();
        let said = said.map_err(|error| format!("id: {error}"))?;
        match String::from_utf8_lossy(&said.stdout).trim() {
            "0" => Ok(Self::Postgres),
            _ => Ok(Self::Own),
        }
    }

    /// What stands in front of a command.
    pub(super) fn words(&self) -> &'static [&'static str] {
        match self {
            Self::Own => &[],
            Self::Postgres => &[
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
            ],
        }
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        match self.words().split_first() {
            None => Command::new(program),
            Some((first, words)) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        }
    }

    pub(super) fn owns(&self, folder: &Path) -> Result<(), String> {
        if let Self::Own = self {
            return Ok(());
        }
        let owned = Command::new("chown")
            .args(["-R", "postgres:postgres"])
            .arg(folder)
            .status();
        match owned {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("chown postgres fails: {other:?}")),
        }
    }
}

/// Where `initdb` and `postgres` are: the newest that is installed.
pub(super) fn programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let mut folders: Vec<_> = folders
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        version.and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    let newest = folders.pop().or(elsewhere);
    newest.ok_or_else(|| "there is no PostgreSQL; install Debian's `postgresql`".into())
}
