//! A disk that is soon full.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A tmpfs of a megabyte or two, unmounted with this.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Of a megabyte. None, which is told, where nothing may be mounted.
    pub(crate) fn mount() -> Option<Self> {
        Self::mount_of("1m")
    }

    pub(crate) fn mount_of(size: &str) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(dir)),
            _ => {
                test_servers::skipped("a small tmpfs cannot be mounted here");
                None
            }
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no room. What is returned is the file that takes it.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.file("rest");
        let mut rest = File::create(&path).unwrap();
        while rest.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .output();
    }
}
